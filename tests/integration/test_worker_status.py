"""What a real worker says of itself while it works: its lag, `/status.json`, and nothing of its records."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import msgspec

from app.status import Status, TopicStatus
from app.vendors import VENDORS
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, produce
from tests.waiting import wait_until

PAUSED = "magine"
TENANT, USER, EMAIL, NAME = "tenant-s3nt1nel", "user-s3nt1nel", "s3nt1nel@example.com", "Ada S3nt1nel"
SECRETS = (TENANT, USER, EMAIL, NAME)
PATHS = ("/metrics", "/healthz", "/readyz", "/status.json", "/", "/vendors/amity/resume", f"/{USER}")


def body(**user: object) -> bytes:
    users = [{"userId": USER, "displayName": NAME, "metadata": {"email": EMAIL}, **user}]
    return json.dumps({"event": "user.didUpdate", "data": {"users": users}}).encode()


def status(worker: WorkerProcess) -> Status:
    text = wait_until(lambda: worker.get("/status.json")[1], "an answer")
    return msgspec.json.decode(text, type=Status)


def topic(worker: WorkerProcess, vendor: str) -> TopicStatus:
    (found,) = [each for each in status(worker).topics if each.vendor == vendor]
    return found


def test_a_worker_says_how_far_it_is_and_nothing_of_its_records(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, DEAD_LETTER_WINDOW="10", **NOT_EXPELLED)
    site.create_vendor_topics()
    settings = site.settings
    headers: list[tuple[str, bytes | None]] = [("tenant", TENANT.encode())]
    hour_ago = int(time.time() - 3_600) * 1000
    repeated = [ToSend(USER.encode(), body(), headers, None, 0)] * 2
    old = ToSend(USER.encode(), body(updatedAt="2024-01-01T00:00:00Z"), headers, hour_ago, 1)
    unknown = ToSend(USER.encode(), json.dumps({"event": EMAIL}).encode(), headers, None, 2)
    dead = [ToSend(None, f'{{"type":"{EMAIL}"'.encode(), headers, None, 0)] * 50
    with site.worker() as worker:
        worker.wait_ready()
        produce(broker, settings.topic_of("amity"), [*repeated, old, unknown])
        produce(broker, settings.topic_of(PAUSED), dead)
        wait_until(lambda: worker.count("rollcall_freshness_total") == 3, "all events are in the rows")
        wait_until(lambda: topic(worker, PAUSED).partitions[0].paused, "the vendor is paused")
        wait_until(lambda: topic(worker, "amity").lag_records == 0, "everything is committed")
        wait_until(lambda: topic(worker, "events").lag_records == 0, "all events are committed")
        # The metrics: each record is counted once, by its age; the paused vendor has no lag.
        latency = "rollcall_canonical_latency_seconds"
        assert worker.metric(f"{latency}_count", "vendor") == {("amity",): 4}
        assert worker.metric(f"{latency}_bucket", "vendor", "le")["amity", "300.0"] == 3
        assert worker.count("rollcall_changelog_latency_seconds_count") == 3
        assert worker.count("rollcall_freshness_good_total") <= 2
        assert worker.metric("rollcall_dead_letters_total", "vendor", "reason") == {
            ("amity", "unknown_event"): 1
        }
        assert worker.metric("rollcall_events_not_mapped_total", "vendor", "event") == {
            ("amity", "(other)"): 1
        }
        assert worker.count("rollcall_producer_batches_total") >= 2
        wait_until(lambda: worker.count("rollcall_oldest_dead_letter_seconds") > 0, "a dead letter is found")
        lags = "rollcall_lag_records"
        assert worker.metric("rollcall_vendor_held", "vendor") == {(PAUSED,): 1}
        assert not worker.metric(lags, "topic")
        text = worker.get("/metrics")[1]
        assert f'{lags}{{partition="0",topic="{settings.topic_of("amity")}"}} 0.0' in text
        assert settings.topic_of(PAUSED) not in "".join(
            line for line in text.splitlines() if line.startswith("rollcall_lag")
        )
        # The status says the same.
        found = status(worker)
        assert not found.ready
        assert found.problems == [f"{PAUSED} is paused: too many of its latest records are dead"]
        (amity,) = [each for each in found.vendors if each.vendor == "amity"]
        assert (amity.received, amity.emitted, amity.dead) == (4, 3, {"unknown_event": 1})
        assert {each.vendor for each in found.vendors} == set(VENDORS)
        assert topic(worker, PAUSED).lag_records is None
        assert sum(found.effects.values()) == 3
        # No answer has anything of the records.
        for path in PATHS:
            answer = worker.get(path)[1]
            assert not [each for each in SECRETS if each in answer], path
        worker.stop()
        assert not [each for each in SECRETS if each in worker.stderr()]
