"""A vendor whose records are mostly dead is held; the others go on; an operator lets it go on, too."""

import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import Consumer, TopicPartition

from app.vendors import VENDORS
from tests.bench.bodies import bodies
from tests.integration.recount import assert_everything, place_of
from tests.integration.worker import ROOT, Site, WorkerProcess
from tests.kafka import ToSend, committed, consume_all, produce
from tests.waiting import GIVE_UP_SECONDS, wait_until

HELD = "magine"
OTHERS = [vendor for vendor in VENDORS if vendor != HELD]
PARTITIONS = 3
WINDOW = 100


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    # A killed worker's partitions go to the next when its session has ended.
    site = Site(broker, unique, tmp_path, DEAD_LETTER_WINDOW=str(WINDOW), SESSION_TIMEOUT="6")
    site.create_vendor_topics()
    return site


def send_dead(site: Site, count: int) -> None:
    records = [ToSend(None, b"{%d" % number, partition=number % PARTITIONS) for number in range(count)]
    produce(site.broker, site.settings.topic_of(HELD), records)


def send_good(site: Site, vendor: str, first: int) -> None:
    records = [ToSend(None, body, partition=first % PARTITIONS) for body in bodies(vendor, 50, first=first)]
    produce(site.broker, site.settings.topic_of(vendor), records)


def vendors_held(worker: WorkerProcess) -> set[str]:
    return {vendor for (vendor,) in worker.metric("rollcall_vendor_held", "vendor")}


def wait_held(worker: WorkerProcess) -> None:
    wait_until(lambda: worker.get("/readyz")[0] == 503, "it listens")
    wait_until(lambda: f"{HELD} is held" in worker.get("/readyz")[1], "the vendor is held")
    assert vendors_held(worker) == {HELD}


def noted(site: Site) -> set[int]:
    """Partitions whose committed offset says that they are held: what a restart will know."""
    topic = site.settings.topic_of(HELD)
    with closing(Consumer({"bootstrap.servers": site.broker, "group.id": site.settings.app_id})) as consumer:
        asked = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        return {answer.partition for answer in consumer.committed(asked, 30) if answer.metadata}


def wait_noted(site: Site, partitions: int = PARTITIONS) -> None:
    wait_until(lambda: len(noted(site)) == partitions, "the hold is recorded")


def assert_others_flow(site: Site, first: int) -> None:
    """And nothing of the held vendor moves, nor has anything been written that is not committed."""
    topic = site.settings.topic_of(HELD)
    before = committed(site.broker, site.settings.app_id, topic)
    for vendor in OTHERS:
        send_good(site, vendor, first)
    wait_until(lambda: set(site.lag()) == {topic}, "the other vendors' events are handled")
    assert committed(site.broker, site.settings.app_id, topic) == before
    written = [place_of(letter) for letter in consume_all(site.broker, site.settings.topic_dead_letter)]
    assert sum(before.values()) == len(written) < WINDOW
    assert all(offset < before[partition] for _, partition, offset in written)


def resume(site: Site, worker: WorkerProcess, vendor: str = HELD) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "app", "resume", vendor, "--url", worker.url]
    return subprocess.run(
        command,
        env=site.environment(),
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


def resume_until_at_rest(site: Site, *workers: WorkerProcess) -> int:
    """How often the operator had to say it: new records in a row may be too many again."""
    said = 0

    def held_or_done() -> bool:
        return any(vendors_held(worker) for worker in workers) or not site.lag()

    while True:
        wait_until(held_or_done, "held once more, or at rest")
        if not site.lag():
            return said
        for worker in workers:
            if vendors_held(worker):
                done = resume(site, worker)
                assert (done.returncode, done.stderr) == (0, "")
                said += 1


def test_the_others_flow_while_one_is_held_until_it_is_resumed(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        send_dead(site, 6 * WINDOW)
        wait_held(worker)
        for first in (0, 100):
            assert_others_flow(site, first)
        assert 1 <= resume_until_at_rest(site, worker) <= 6
        assert worker.get("/readyz")[0] == 200
        assert vendors_held(worker) == set()
        assert not noted(site)
        expected = assert_everything(site, [worker])
        assert expected.outcomes[HELD, "dead", "not_json"] == 6 * WINDOW
        # What comes after is judged anew.
        send_dead(site, 2 * WINDOW)
        wait_held(worker)
        worker.stop()


def test_a_restart_does_not_forget_the_hold(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        send_dead(site, 3 * WINDOW)
        wait_held(worker)
        wait_noted(site)
        worker.stop()
    with site.worker() as worker:
        wait_held(worker)
        assert_others_flow(site, 0)
        worker.kill()
    with site.worker() as worker:
        wait_held(worker)
        assert_others_flow(site, 100)
        assert resume_until_at_rest(site, worker) >= 1
        assert not noted(site)
        worker.stop()
    assert_everything(site)


def test_a_rebalance_takes_the_hold_along_and_repeats_nothing(site: Site) -> None:
    with site.worker() as first:
        first.wait_ready()
        send_dead(site, 3 * WINDOW)
        wait_held(first)
        all_of_them = first.count("rollcall_partitions")
        with site.worker() as second:
            wait_held(second)
            wait_held(first)
            assert_others_flow(site, 0)
            # The partitions that the first gives back are held by the second, with its own.
            first.stop()
            wait_until(lambda: second.count("rollcall_partitions") == all_of_them, "all are the second's")
            assert_others_flow(site, 100)
            resume_until_at_rest(site, second)
            second.stop()
    assert_everything(site)


def test_resuming_what_is_not_held_is_refused_in_one_line(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        refused = resume(site, worker)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"rollcall: {worker.url} says: {HELD} is not held in this worker\n"
        worker.stop()
    nobody = resume(site, worker)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr == f"rollcall: no answer of a worker at {worker.url}: Connection refused\n"
