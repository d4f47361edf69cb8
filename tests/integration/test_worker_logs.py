"""A worker's log, metrics and health say enough, and nothing of a body."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka
from app.health import PATHS
from app.vendors import VENDORS
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

SENTINEL = "s3nt1nel"


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


def marked_records(vendor: str) -> Iterator[ToSend]:
    """Yields good and bad records that have the sentinel in every value, and in no name."""
    mark = SENTINEL.encode()
    for body in bodies(vendor, 10):
        marked = body.replace(b"example", mark).replace(b"Ada", mark).replace(b"acme", mark)
        for value in (marked, marked[:-1], marked.replace(b'": "', b'": ["' + mark, 1), marked + mark):
            yield ToSend(mark, value, [("tenant", mark), ("webhook-id", mark)])
    for name in ("event", "type"):
        yield ToSend(mark, b'{"%s":"%s","data":{}}' % (name.encode(), mark))
        yield ToSend(mark, b'{"%s":{"name":"%s","type":"user"}}' % (name.encode(), mark))
    yield ToSend(mark, mark + b"\xff", [(SENTINEL, b"\xff")])


def publish_marked(site: Site) -> None:
    for vendor in VENDORS:
        produce(site.broker, site.settings.topic_of(vendor), marked_records(vendor))
    mark = SENTINEL.encode()
    malformed = [b'{"specversion":"%s"}' % mark, b'{"type":"%s"}' % mark, mark, mark + b"\xff"]
    produce(site.broker, site.settings.topic_events, [(mark, value) for value in malformed])


@pytest.mark.parametrize("log_format", ["console", "json"])
def test_no_payload_is_logged_or_measured(site: Site, log_format: str) -> None:
    with site.worker(LOG_FORMAT=log_format, LOG_LEVEL="debug") as worker:
        worker.wait_ready()
        publish_marked(site)
        site.wait_at_rest()
        assert worker.count("rollcall_records_received_total") > 200
        for path in PATHS:
            code, text = worker.get(path)
            assert (code, SENTINEL in text) == (200, False), path
        worker.stop()
    assert worker.stderr()
    assert SENTINEL not in worker.stderr()


def test_json_logs_are_one_object_a_line(site: Site) -> None:
    with site.worker(LOG_FORMAT="json") as worker:
        worker.wait_ready()
        worker.stop()
    lines = [json.loads(line) for line in worker.stderr().splitlines()]
    assert lines
    assert all(line.keys() >= {"event", "level", "logger", "timestamp"} for line in lines)
    assert f"created topic {site.settings.topic_events}" in {line["event"] for line in lines}


def test_health_is_what_probes_need(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        assert json.loads(worker.get("/healthz")[1]) == {"status": "ok"}
        assert json.loads(worker.get("/readyz")[1]) == {"status": "ready", "problems": []}
        assert worker.metric("rollcall_ready") == {(): 1.0}
        assert worker.metric("rollcall_partitions") != {}
        assert worker.get("/tables")[0] == 404
        worker.stop()
        assert worker.get("/healthz")[0] == 0


@pytest.mark.parametrize("stock", [True, False], ids=["stock", "friendly"])
def test_a_group_that_comes_and_goes_is_no_trouble(
    stock: bool, unique: Callable[[str], str], tmp_path: Path
) -> None:
    """On a Kafka that has never had a group: a first worker starts, a second one joins and leaves, the first
    one stops. Every line about that has the level info."""
    with EmbeddedKafka(stock=stock) as kafka:
        site = Site(kafka.bootstrap, unique, tmp_path, LOG_FORMAT="json", **NOT_EXPELLED)
        with site.worker() as first:
            whole = partitions(first.wait_ready())
            with site.worker() as second:
                second.wait_ready()
                wait_until(lambda: partitions(second), "the second worker has partitions")
                first.wait_ready()
                second.stop()
            wait_until(lambda: partitions(first) == whole, "the first worker has all partitions")
            first.wait_ready()
            first.stop()
    for worker in (first, second):
        lines = [json.loads(line) for line in worker.stderr().splitlines()]
        assert lines
        assert [line for line in lines if line["level"] != "info" and not is_slowness(line)] == []


def is_slowness(line: dict[str, str]) -> bool:
    """Returns whether aiokafka says that the coordinator did not answer in time, or mode that a thread of the
    worker had no turn for 3 s. That happens on a busy machine, and not because a worker joins or leaves."""
    event = line["event"]
    return event.startswith("Marking the coordinator dead") or event.endswith(
        "Thread keepalive is not responding..."
    )


def partitions(worker: WorkerProcess) -> float:
    return worker.count("rollcall_partitions")
