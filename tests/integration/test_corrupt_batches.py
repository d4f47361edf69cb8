"""Batches whose checksum is wrong when they arrive."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.integration.recount import assert_everything
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import ToSend, committed, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

ON_THE_WAY = 3
ON_THE_DISK = 1_000_000
NAMED = "fails its checksum"


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    # A worker that is expelled, because the machine stands still, would name the broken partition again.
    site = Site(broker, unique, tmp_path, SESSION_TIMEOUT="60")
    site.create_vendor_topics()
    for vendor in ("magine", "amity"):
        for partition in range(3):
            records = [ToSend(None, body, [], None, partition) for body in bodies(vendor, 20)]
            produce(broker, site.settings.topic_of(vendor), records)
    return site


def corrupting(site: Site, batches: int, topic: str) -> WorkerProcess:
    return site.worker(
        ["tests.integration.corrupt_worker"], CORRUPT_BATCHES=str(batches), CORRUPT_TOPIC=topic
    )


def test_bits_that_flipped_on_the_way_cost_nothing(site: Site) -> None:
    with corrupting(site, ON_THE_WAY, "") as worker:
        worker.wait_ready()
        site.wait_at_rest()
        assert_everything(site, [worker])
        worker.stop()


def test_a_partition_that_is_broken_on_the_disk_stops_no_other_and_is_named(site: Site) -> None:
    """It waits for an operator, and nothing of it is skipped."""
    broken = site.settings.topic_of("amity")
    began = time.monotonic()
    with corrupting(site, ON_THE_DISK, f"{broken}/1") as worker:
        worker.wait_ready()
        wait_until(lambda: site.lag().keys() == {broken}, "all the others are at rest")
        assert committed(site.broker, site.settings.app_id, broken).get(1, 0) == 0
        produce(site.broker, broken, [ToSend(None, body, [], None, 0) for body in bodies("amity", 20)])
        wait_until(lambda: committed(site.broker, site.settings.app_id, broken).get(0) == 40, "it goes on")
        # It is read again for a while before it is named, and a fast worker has done the rest by then.
        wait_until(lambda: NAMED in worker.stderr(), "it is named")
        worker.stop()
    lines = [line for line in worker.stderr().splitlines() if NAMED in line]
    # It is named once a minute, and the test may take longer.
    assert 1 <= len(lines) <= 1 + (time.monotonic() - began) // 60
    assert all(f"{broken}/1: the batch at offset 0" in line for line in lines)
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    assert_everything(site)
