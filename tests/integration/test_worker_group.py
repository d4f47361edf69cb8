"""Workers join and leave under load: nothing is lost, and nothing is repeated if they leave cleanly."""

import json
import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.integration.feeder import Feeder
from tests.integration.recount import assert_canonical, assert_everything, assert_tables, recount
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import consume_all, members
from tests.waiting import wait_until

pytestmark = pytest.mark.untraced

EVENTS = 10_000


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


def handled(worker: WorkerProcess) -> float:
    return worker.count("rollcall_records_received_total")


def wait_for_progress(*workers: WorkerProcess, records: int = 300) -> None:
    """Returns when each of the workers has handled so many more records."""
    for worker, before in [(worker, handled(worker)) for worker in workers]:
        wait_until(lambda w=worker, b=before: handled(w) >= b + records, "progress")  # type: ignore[misc]


def identities(site: Site) -> list[tuple[str, str]]:
    """Returns (source, id) of every record in the canonical topic."""
    records = consume_all(site.broker, site.settings.topic_events)
    events = (json.loads(record.value or b"") for record in records)
    return [(event["source"], event["id"]) for event in events]


def test_three_workers_join_and_leave_under_load(site: Site) -> None:
    with ExitStack() as running:

        def join(*others: WorkerProcess) -> WorkerProcess:
            worker = running.enter_context(site.worker())
            worker.wait_ready()
            wait_for_progress(worker, *others)
            return worker

        with Feeder(site) as feeder:
            first = join()
            second = join(first)
            third = join(first, second)
            second.stop()
            wait_for_progress(first, third)
            fourth = join(first, third)
            first.stop()
            wait_for_progress(third, fourth)
            wait_until(lambda: feeder.published > EVENTS, f"{EVENTS} bodies published")
            third.stop()
        site.wait_at_rest()
        fourth.stop()
    expected = assert_everything(site)
    assert expected.events.total() > EVENTS * 3 // 4
    found = identities(site)
    assert len(found) == len(set(found))


def test_a_worker_stopped_under_load_leaves_nothing_to_repeat(site: Site) -> None:
    with Feeder(site):
        for _ in range(3):
            with site.worker() as worker:
                worker.wait_ready()
                wait_for_progress(worker)
                # This is about a stop under load, and the worker may have caught up.
                wait_until(site.lag, "work is left")
                worker.stop()
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    assert_everything(site)


def test_a_killed_worker_finds_its_rows_again(site: Site) -> None:
    with Feeder(site):
        # The next worker gets the partitions of a killed one when that one's session has ended.
        with site.worker(SESSION_TIMEOUT="10") as worker:
            worker.wait_ready()
            wait_for_progress(worker, records=3_000)
            # The rows of the events come later, on a busy machine much later.
            wait_until(lambda: worker.count("rollcall_table_effects_total"), "rows are written")
            wait_until(site.lag, "work is left")
            worker.kill()
        with site.worker(SESSION_TIMEOUT="10") as worker:
            worker.wait_ready()
            wait_for_progress(worker, records=1_000)
            assert worker.count("rollcall_recovered_records_total") > 0
            assert worker.count("rollcall_table_rows") > 0
            worker.kill()
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    expected = recount(site)
    # A crash may repeat events. If (source, id) are equal, the bytes are equal.
    assert_canonical(site, expected, repeats=True)
    assert_tables(site)


def test_sigterm_before_it_is_ready_ends_a_worker_too(site: Site) -> None:
    """It waits for another member of its group, which is stopped and answers to no rebalance."""
    with site.worker(SESSION_TIMEOUT="1800") as stopped:
        stopped.wait_ready()
        stopped.signal(signal.SIGSTOP)
        with site.worker(STOP_DEADLINE="8") as worker:
            wait_until(lambda: worker.get("/readyz")[0] == 503, "it listens")
            wait_until(lambda: members(site.broker, site.settings.app_id) == 2, "it joins")
            assert worker.get("/readyz")[0] == 503
            worker.stop()
