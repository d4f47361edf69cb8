"""Hostile records in front of a real worker: what they may cost in memory and in time."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import pytest

from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, produce

MOST_MB: Final = 600
"""How much a worker may need besides its rows, of which there are few here."""

USERS: Final = b'{"event":"user.didUpdate","data":{"users":[%s],"files":[%s]}}'
# A body of 140 KB, which becomes 64 MB of events: each user has the same large picture.
PICTURES: Final = USERS % (
    b",".join([b'{"userId":1,"avatarFileId":"a"}'] * 4050),
    b'{"fileId":"a","fileUrl":"%s"}' % (b"x" * 16_000),
)
# A body of 120 KB, which takes a quarter of a second to map: each user has a tenant of 1 KiB, which is
# escaped in the key. So its events would be too large.
TENANTS: Final = USERS % (b",".join([b'{"userId":1}'] * 9_500), b"")


def peak_mb(worker: WorkerProcess) -> int:
    """Returns the greatest resident memory of the worker so far."""
    lines = Path(f"/proc/{worker.pid}/status").read_text().splitlines()
    (line,) = [line for line in lines if line.startswith("VmHWM:")]
    return int(line.split()[1]) // 1024


@contextmanager
def probing(worker: WorkerProcess) -> Iterator[list[int]]:
    """Asks `/healthz` all the time while the block runs, and gives the statuses of the answers."""
    statuses, done = list[int](), threading.Event()

    def probe() -> None:
        while not done.wait(0.05):
            statuses.append(worker.get("/healthz")[0])

    thread = threading.Thread(target=probe)
    thread.start()
    try:
        yield statuses
    finally:
        done.set()
        thread.join()


@pytest.mark.alone
def test_hostile_bodies_cost_bounded_memory_and_do_not_stop_the_loop(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    # The slice takes longer than the watchdog waits, but it goes on all the time.
    site = Site(broker, unique, tmp_path, WATCHDOG_SECONDS="5", **NOT_EXPELLED)
    site.create_vendor_topics()
    bodies = [ToSend(None, TENANTS, [("tenant", b"/" * 1024)], None, 0)] * 45
    bodies += [ToSend(None, PICTURES, [], None, 0)] * 12
    with site.worker() as worker:
        worker.wait_ready()
        before = peak_mb(worker)
        with probing(worker) as statuses:
            produce(broker, site.settings.topic_of("amity"), bodies)
            site.wait_at_rest()
        assert peak_mb(worker) - before < MOST_MB
        assert set(statuses) == {200}
        assert worker.count("rollcall_canonical_events_total") == 12 * 4050
        assert worker.metric("rollcall_records_total", "outcome") == {("emit",): 12.0, ("dead",): 45.0}
        worker.stop()


def test_records_that_are_small_only_while_they_are_compressed(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics(compression_type="zstd", max_message_bytes=str(4 << 20))
    # 400 MB in a few kilobytes.
    bodies = [ToSend(None, b"%d" % number + b" " * 2_000_000, [], None, 0) for number in range(200)]
    with site.worker() as worker:
        worker.wait_ready()
        before = peak_mb(worker)
        produce(broker, site.settings.topic_of("magine"), bodies)
        site.wait_at_rest()
        assert peak_mb(worker) - before < MOST_MB
        assert worker.metric("rollcall_records_total", "reason") == {("too_large",): 200.0}
        worker.stop()
