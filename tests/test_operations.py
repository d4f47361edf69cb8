"""What probes and metrics are told of a worker that has not read its tables yet. No broker is needed."""

import asyncio
import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.engine import LogPartition, NotCommitted, PartitionLag, RestoreReport, consumer_of
from app.engine.consumer.commit_note import CommitNote
from app.engine.tables.manager import SliceTableManager
from app.errors import VendorNotRead
from app.gauges import Gauges
from app.metrics import Metrics
from app.settings import Settings
from app.worker import Worker
from tests.waiting import async_wait_until

LOG = LogPartition("rollcall-users-changelog", 0)


@asynccontextmanager
async def made(settings: Settings) -> AsyncIterator[Worker]:
    worker = Worker(settings, Metrics())
    yield worker
    # That of the thread of the consumer, which was never started.
    consumer_of(worker.app)._thread.thread_loop.close()


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    # Nothing listens there.
    async with made(Settings(broker_url="127.0.0.1:1")) as worker:
        yield worker


async def test_a_worker_says_how_far_the_restore_of_its_tables_is(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[RestoreReport | None] = [None]
    monkeypatch.setattr("app.operations.restore_report", lambda _: reports[-1])

    def seen() -> tuple[str, tuple[float, ...]]:
        Gauges(worker.operations).refresh()
        gauges = ("records_read", "records_to_go", "seconds_left")
        return worker.operations.problems()[0], tuple(
            worker.metrics.registry.get_sample_value(f"rollcall_recovery_{gauge}") or 0.0 for gauge in gauges
        )

    assert seen() == ("the tables are being restored", (0, 0, 0))
    reports.append(RestoreReport(0, 300, None))
    problem, (read, to_go, seconds) = seen()
    assert problem == "the tables are being restored: 0 rows read, at most 300 to go"
    assert (read, to_go, math.isnan(seconds)) == (0, 300, True)
    reports.append(RestoreReport(120, 180, 1.5))
    assert seen() == (
        "the tables are being restored: 120 rows read, at most 180 to go, about 2 s left",
        (120, 180, 1.5),
    )


async def test_the_report_is_that_of_the_workers_restore(worker: Worker) -> None:
    assert worker.operations.restore() is None
    manager = worker.app.tables
    assert isinstance(manager, SliceTableManager)
    assert manager.restorer is not None
    manager.restorer.progress.begin({LOG: 100})
    assert worker.operations.restore() == RestoreReport(0, 100, None)


def labelled(worker: Worker, metric: str, label: str, *, value: float | None = None) -> list[str]:
    """Returns the values of a label of a metric, after the gauges were set; with `value` those of the series
    that have it."""
    Gauges(worker.operations).refresh()
    return [
        sample.labels[label]
        for family in worker.metrics.registry.collect()
        for sample in family.samples
        if sample.name == metric and value in (None, sample.value)
    ]


async def test_an_operators_pause_is_said_and_logged(
    worker: Worker, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    consumer, operations = consumer_of(worker.app), worker.operations
    with pytest.raises(NotCommitted):
        await operations.pause("magine")
    state = consumer.assignment_state
    state.begin_seek()
    state.sought({("vendor.magine.users", 0): 5, ("vendor.magine.users", 1): 5})
    state.open()

    async def commit() -> bool:
        offsets = state.committable()
        state.committed(offsets, state.notes(offsets))
        return bool(offsets)

    monkeypatch.setattr(consumer.resumption, "_commit", commit)
    for name, partitions in (("magine", 2), ("fynd", 0)):
        assert await operations.pause(name, "a move") == partitions
    assert "magine is paused by an operator: a move" in operations.problems()
    paused_by_operator = labelled(worker, "rollcall_vendor_paused_by_operator", "vendor", value=1.0)
    assert paused_by_operator == labelled(worker, "rollcall_vendor_held", "vendor", value=1.0) == ["magine"]
    assert await operations.resume("magine") == 2
    assert await operations.resume("magine") == 0
    assert not [problem for problem in operations.problems() if "magine" in problem]
    assert [record.getMessage() for record in caplog.records if record.name == "app.operations"] == [
        "magine is paused by an operator: a move (2 partitions)",
        "magine is resumed by an operator (2 partitions)",
    ]


async def test_a_worker_reads_and_shows_only_its_vendors() -> None:
    async with made(Settings(vendors="magine,fynd")) as worker:
        sources = ["vendor.fynd.users", "vendor.magine.users", "users.events"]
        assert sorted(worker.app.agents) == ["fynd", "magine", "state"]
        assert labelled(worker, "rollcall_vendor_held", "vendor") == ["fynd", "magine", "events"]
        assert labelled(worker, "rollcall_open_transaction_seconds", "topic") == sources
        with pytest.raises(VendorNotRead, match="amity is not in VENDORS"):
            await worker.operations.resume("amity")
        with pytest.raises(KeyError):
            await worker.operations.resume("nobody")


async def test_the_lag_has_a_series_for_each_partition_that_is_not_paused(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    topic = "vendor.magine.users"
    lags = {(topic, 0): PartitionLag(5, 9, 4, 30.5, 2.0), (topic, 1): PartitionLag(5, 5, 0, 0.0, 2.0)}
    monkeypatch.setattr(worker.operations, "lags", lambda: lags)

    def series(name: str) -> dict[str, float]:
        Gauges(worker.operations).refresh()
        return {
            sample.labels["partition"]: sample.value
            for family in worker.metrics.registry.collect()
            for sample in family.samples
            if sample.name == name
        }

    assert series("rollcall_lag_records") == {"0": 4, "1": 0}
    assert series("rollcall_lag_seconds") == {"0": 30.5, "1": 0}
    assert series("rollcall_lag_age_seconds") == {"0": 2, "1": 2}
    del lags[topic, 0]
    assert series("rollcall_lag_records") == {"1": 0}


async def test_paused_partitions_have_no_lag(worker: Worker) -> None:
    state, topic = consumer_of(worker.app).assignment_state, "vendor.magine.users"
    state.assigned({(topic, 0): (5, CommitNote()), (topic, 1): (5, CommitNote(reason="dead"))})
    watch = worker.operations._logs
    watch._book.polled({(topic, 0): 9, (topic, 1): 9}, 0.0)
    assert {partition: lag.records for partition, lag in worker.operations.lags().items()} == {(topic, 0): 4}


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    for module in ("client_thread", "membership"):
        monkeypatch.setattr(f"app.engine.consumer.{module}.monotonic", clock)
    return clock


async def test_a_loop_that_does_not_turn_is_told(worker: Worker, clock: Clock) -> None:
    thread = consumer_of(worker.app)._thread
    assert worker.operations.stuck() == []
    clock.now += 60.0
    assert worker.operations.stuck() == []
    clock.now += 1.0
    assert worker.operations.stuck() == ["the loop of the consumer's thread has not turned for 61 s"]
    await asyncio.to_thread(thread.thread_loop.run_until_complete, asyncio.sleep(0))
    assert worker.operations.stuck() == []
    clock.now += 60.0
    assert worker.operations.stuck() == []


async def test_a_group_that_does_not_answer_is_told_if_brokers_do(worker: Worker, clock: Clock) -> None:
    membership = consumer_of(worker.app)._thread.membership

    def after(seconds: float, *, brokers: bool = True) -> list[str]:
        """Metadata comes every 10 s."""
        for _ in range(round(seconds / 10)):
            clock.now += 10
            consumer_of(worker.app)._thread._answer()
            if brokers:
                membership._on_metadata(None)
        return worker.operations.stuck()

    assert after(70) == []
    assert after(20) == ["the group has not answered for 80 s, although brokers answer"]
    membership.last_heartbeat = clock.now
    assert after(70) == []
    assert after(10) == ["the group has not answered for 80 s, although brokers answer"]
    assert after(600, brokers=False) == []
    # The outage is over. The group has as much time as at the beginning.
    assert after(70) == []
    assert after(20) == ["the group has not answered for 80 s, although brokers answer"]


async def test_the_bytes_of_the_rows_are_counted_and_nothing_goes_on_afterwards(worker: Worker) -> None:
    worker.tables.users.install(0, {b"k": b"12345"})
    before = asyncio.all_tasks()

    async def counted() -> bool:
        return worker.metrics.registry.get_sample_value("rollcall_table_bytes", {"table": "users"}) == 5

    async with worker.operations.watching():
        await async_wait_until(counted, "the bytes are counted")
    assert asyncio.all_tasks() == before
