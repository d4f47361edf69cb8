"""A vendor is paused if most of its records are dead; the others go on, and an operator resumes it."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from app.vendors import VENDORS
from tests.integration.recount import assert_everything, position_of
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import ToSend, committed, consume_all, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = pytest.mark.untraced

PAUSED = "magine"
OTHERS = [vendor for vendor in VENDORS if vendor != PAUSED]
PARTITIONS = 3
WINDOW = 100


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    # A machine that stands still for some seconds ends no session: an expelled worker reads records again.
    site = Site(broker, unique, tmp_path, DEAD_LETTER_WINDOW=str(WINDOW), SESSION_TIMEOUT="30")
    site.create_vendor_topics()
    return site


def send_dead(site: Site, count: int) -> None:
    records = [ToSend(None, b"{%d" % number, partition=number % PARTITIONS) for number in range(count)]
    produce(site.broker, site.settings.topic_of(PAUSED), records)


def send_good(site: Site, vendor: str, first: int) -> None:
    records = [ToSend(None, body, partition=first % PARTITIONS) for body in bodies(vendor, 50, first=first)]
    produce(site.broker, site.settings.topic_of(vendor), records)


def vendors_paused(worker: WorkerProcess) -> set[str]:
    return {vendor for (vendor,) in worker.metric("rollcall_vendor_held", "vendor")}


def wait_paused(worker: WorkerProcess) -> None:
    wait_until(lambda: worker.get("/readyz")[0] == 503, "it listens")
    wait_until(lambda: f"{PAUSED} is paused" in worker.get("/readyz")[1], "the vendor is paused")
    # Between the two answers a rebalance may have taken the partitions, and given them back.
    wait_until(lambda: vendors_paused(worker) == {PAUSED}, "the metric says so too")


def noted(site: Site) -> set[int]:
    """Returns the partitions whose committed offset says that they are paused, which a restart reads."""
    return asyncio.run(_noted(site.broker, site.settings.app_id, site.settings.topic_of(PAUSED)))


async def _noted(broker: str, group: str, topic: str) -> set[int]:
    # Not by confluent-kafka, which gives metadata with whatever bytes come after them in memory.
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        asked = [TopicPartition(topic, partition) for partition in range(PARTITIONS)]
        committed_offsets = await admin.list_consumer_group_offsets(group, partitions=asked)
    finally:
        await admin.close()
    return {each.partition for each, offset in committed_offsets.items() if offset.metadata}


def wait_noted(site: Site, partitions: int = PARTITIONS) -> None:
    wait_until(lambda: len(noted(site)) == partitions, "the pause is recorded")


def assert_others_flow(site: Site, first: int) -> None:
    """Checks that the other vendors' records are handled, that the paused vendor's are not, and that nothing
    is written that is not committed."""
    topic = site.settings.topic_of(PAUSED)
    # What was handled before the pause is committed with its record at the latest.
    wait_noted(site)
    before = committed(site.broker, site.settings.app_id, topic)
    for vendor in OTHERS:
        send_good(site, vendor, first)
    wait_until(lambda: set(site.lag()) == {topic}, "the other vendors' events are handled")
    assert committed(site.broker, site.settings.app_id, topic) == before
    written = [
        position_of(dead_letter) for dead_letter in consume_all(site.broker, site.settings.topic_dead_letter)
    ]
    assert sum(before.values()) == len(written) < WINDOW
    assert all(offset < before[partition] for _, partition, offset in written)


def resume_until_at_rest(site: Site, *workers: WorkerProcess) -> int:
    """Returns how often the operator had to resume: the next records may have too many dead ones again."""
    said = 0

    def paused_or_done() -> bool:
        return any(vendors_paused(worker) for worker in workers) or not site.lag()

    while True:
        wait_until(paused_or_done, "paused again, or at rest")
        if not site.lag():
            return said
        for worker in workers:
            if vendors_paused(worker):
                done = site.resume(worker.url, PAUSED)
                assert (done.returncode, done.stderr) == (0, "")
                said += 1


def test_the_others_flow_while_one_is_held_until_it_is_resumed(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        send_dead(site, 6 * WINDOW)
        wait_paused(worker)
        for first in (0, 100):
            assert_others_flow(site, first)
        assert 1 <= resume_until_at_rest(site, worker) <= 6
        worker.wait_ready()
        assert vendors_paused(worker) == set()
        assert not noted(site)
        expected = assert_everything(site, [worker])
        assert expected.outcomes[PAUSED, "dead", "not_json"] == 6 * WINDOW
        # Records after that count from the beginning.
        send_dead(site, 2 * WINDOW)
        wait_paused(worker)
        worker.stop()


def test_a_restart_does_not_forget_the_hold(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        send_dead(site, 3 * WINDOW)
        wait_paused(worker)
        wait_noted(site)
        worker.stop()
    # The next worker gets the partitions of a killed one when that one's session has ended.
    with site.worker(SESSION_TIMEOUT="6") as worker:
        wait_paused(worker)
        assert_others_flow(site, 0)
        worker.kill()
    with site.worker() as worker:
        wait_paused(worker)
        assert_others_flow(site, 100)
        assert resume_until_at_rest(site, worker) >= 1
        assert not noted(site)
        worker.stop()
    assert_everything(site)


def test_a_rebalance_takes_the_hold_along_and_repeats_nothing(site: Site) -> None:
    with site.worker() as first:
        first.wait_ready()
        send_dead(site, 3 * WINDOW)
        wait_paused(first)
        all_of_them = first.count("rollcall_partitions")
        with site.worker() as second:
            wait_paused(second)
            wait_paused(first)
            assert_others_flow(site, 0)
            # The partitions that the first worker gives back are paused in the second, like its own.
            first.stop()
            wait_until(lambda: second.count("rollcall_partitions") == all_of_them, "all are the second's")
            assert_others_flow(site, 100)
            resume_until_at_rest(site, second)
            second.stop()
    assert_everything(site)


def test_resuming_what_is_not_held_is_refused_in_one_line(site: Site) -> None:
    with site.worker() as worker:
        worker.wait_ready()
        refused = site.resume(worker.url, PAUSED)
        assert (refused.returncode, refused.stdout) == (1, "")
        assert refused.stderr == f"rollcall: {worker.url} says: {PAUSED} is not paused in this worker\n"
        worker.stop()
    nobody = site.resume(worker.url, PAUSED)
    assert (nobody.returncode, nobody.stdout) == (1, "")
    assert nobody.stderr == f"rollcall: no answer of a worker at {worker.url}: Connection refused\n"
