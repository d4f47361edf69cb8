"""Real workers that hang, and real workers that only seem to hang."""

import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka
from app.engine import EXIT_PROTECT
from tests.integration.hanging_worker import HANGS
from tests.integration.recount import assert_everything
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import committed, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = pytest.mark.alone

# Others run beside these tests. No loop of a sound worker stands still for so long because of that.
LIMIT = 4.0
REASONS = {
    "loop": "the event loop has not turned for",
    "agent": " has been in flight for",
    "fetch": "a fetch has not returned for",
    "thread": "a fetch has not returned for",
}


def site_on(broker: str, unique: Callable[[str], str], folder: Path, **more: str) -> Site:
    site = Site(broker, unique, folder, WATCHDOG_SECONDS=str(LIMIT), **more)
    site.create_vendor_topics()
    return site


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    # The next worker gets the partitions when the session of the one that hung has ended.
    return site_on(broker, unique, tmp_path, SESSION_TIMEOUT="6")


def send(site: Site, count: int = 30, first: int = 0) -> None:
    records = [(None, body) for body in bodies("magine", count, first=first)]
    produce(site.broker, site.settings.topic_of("magine"), records)


@pytest.mark.parametrize("kind", REASONS)
def test_a_worker_that_hangs_ends_itself_and_the_next_one_goes_on(site: Site, kind: str) -> None:
    topic = site.settings.topic_of("magine")
    with site.worker(module=("tests.integration.hanging_worker", kind)) as worker:
        worker.wait_ready()
        send(site)
        site.wait_at_rest()
        before = moved(committed(site.broker, site.settings.app_id, topic))
        worker.signal(signal.SIGUSR1)
        wait_until(lambda: HANGS in worker.stderr(), "what comes now hangs")
        send(site, first=30)
        assert worker.exit_code() == EXIT_PROTECT
        said = worker.stderr()
    (reason,) = [line for line in said.splitlines() if "stopping to protect data: " in line]
    assert REASONS[kind] in reason
    assert "(most recent call first)" in said
    assert "hanging_worker.py" in said
    assert moved(committed(site.broker, site.settings.app_id, topic)) == before
    with site.worker(SESSION_TIMEOUT="60") as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    assert_everything(site)


def moved(offsets: dict[int, int]) -> dict[int, int]:
    """Returns the offsets of the partitions that have moved. The attempt of one that has not is committed
    with the offset 0."""
    return {partition: offset for partition, offset in offsets.items() if offset}


def stay_ready(worker: WorkerProcess, seconds: float) -> None:
    """Checks for so long that the worker is ready. Only time shows that an idle worker does not end."""
    until = time.monotonic() + seconds

    def over() -> bool:
        assert worker.get("/readyz")[0] == 200
        return time.monotonic() > until

    wait_until(over, "time passes")


def test_an_idle_worker_and_one_that_was_stopped_for_a_while_stay_alive(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    # The session does not end while the worker is stopped.
    site = site_on(broker, unique, tmp_path, SESSION_TIMEOUT="60")
    with site.worker() as worker:
        worker.wait_ready()
        stay_ready(worker, 2 * LIMIT)
        worker.signal(signal.SIGSTOP)
        awake = time.monotonic() + 2 * LIMIT
        wait_until(lambda: time.monotonic() > awake, "the worker sleeps")
        worker.signal(signal.SIGCONT)
        stay_ready(worker, 2 * LIMIT)
        send(site)
        site.wait_at_rest()
        assert_everything(site, [worker])
        worker.stop()


def received_more(worker: WorkerProcess, than: float) -> bool:
    return worker.count("rollcall_records_received_total") > than


def writes_wait(worker: WorkerProcess, seconds: float) -> bool:
    """Returns whether a write gets so old while the brokers are paused; false if no write waits for them."""
    idle_since = time.monotonic()

    def outcome() -> str:
        nonlocal idle_since
        # An answer may have been on its way when the brokers were paused, and then no write may be left.
        if oldest := worker.count("rollcall_oldest_write_seconds"):
            idle_since = time.monotonic()
        if time.monotonic() > idle_since + 2:
            return "no write"
        return "old" if oldest > seconds else ""

    return wait_until(outcome, "a write gets old, or there is none") == "old"


def pause_at_work(kafka: EmbeddedKafka, site: Site, worker: WorkerProcess) -> None:
    """Pauses the brokers, and returns when a write of the worker has waited for long. A fast worker may have
    handled all records before the pause, and then it gets more."""
    for first in range(0, 500_000, 10_000):
        before = worker.count("rollcall_records_received_total")
        send(site, count=10_000, first=first)
        wait_until(partial(received_more, worker, before), "it works")
        kafka.pause()
        if writes_wait(worker, 3 * LIMIT):
            return
        kafka.resume()
    raise AssertionError("the worker never had a write on its way")


@pytest.mark.kafka
def test_an_outage_of_the_brokers_is_waited_for(unique: Callable[[str], str], tmp_path: Path) -> None:
    with EmbeddedKafka() as kafka:
        # The brokers do not expel the worker for the outage.
        site = site_on(kafka.bootstrap, unique, tmp_path, SESSION_TIMEOUT="60")
        with site.worker() as worker:
            worker.wait_ready()
            pause_at_work(kafka, site, worker)
            kafka.resume()
            site.wait_at_rest()
            assert_everything(site, [worker])
            worker.stop()
