"""`/status.json`: the values of `/metrics`, in one answer a second."""

from collections.abc import AsyncIterator

import msgspec
import pytest

from app import __version__
from app.engine import PartitionLag, consumer_of
from app.engine.consumer.commit_note import CommitNote
from app.metrics import Metrics
from app.settings import Settings
from app.status import Status
from app.status_report import StatusReport
from app.times import format_micros
from app.worker import Worker

MAGINE = "vendor.magine.users"


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    worker = Worker(Settings(group_instance_id="rollcall-2"), Metrics())
    yield worker
    # That of the thread of the consumer, which was never started.
    consumer_of(worker.app)._thread.thread_loop.close()


def read(body: bytes) -> Status:
    return msgspec.json.decode(body, type=Status)


async def test_the_counts_are_those_of_the_metrics(worker: Worker) -> None:
    metrics = worker.metrics
    metrics.received.labels("magine").inc(5)
    metrics.records.labels("magine", "emit", "").inc(2)
    metrics.records.labels("magine", "skip", "no_users").inc(1)
    metrics.records.labels("magine", "dead", "schema").inc(2)
    metrics.events.labels("magine", "user.created").inc(3)
    metrics.effects.labels("changed").inc(3)
    metrics.canonical_dead.labels("schema").inc(1)
    metrics.incidents.labels("hole").inc(400)
    metrics.rebalances.inc()
    metrics.ahead.labels("magine").inc(4)
    metrics.duplicates.inc(6)
    metrics.flow.table_bytes.labels("users").set(1_200)
    metrics.delays.applied_to_rows([format_micros(0), format_micros(3_000_000)], 8_000_000)
    status = read(StatusReport(worker.operations).body())
    assert (status.version, status.instance, status.group) == (__version__, "rollcall-2", "rollcall")
    (magine,) = [each for each in status.vendors if each.vendor == "magine"]
    assert (magine.received, magine.emitted, magine.ahead) == (5, 2, 4)
    assert (magine.skipped, magine.dead) == ({"no_users": 1}, {"schema": 2})
    assert magine.events == {"user.created": 3}
    assert status.effects == {"changed": 3}
    assert status.canonical_dead == {"schema": 1}
    assert status.incidents == {"hole": 400}
    assert status.rebalances == 1
    assert [(each.table, each.bytes) for each in status.tables] == [("users", 1_200), ("loyalty", 0)]
    assert status.duplicates == 6
    latency = status.latency
    assert (latency.within_seconds, latency.good, latency.total) == (5.0, 1, 2)
    assert dict(latency.buckets)[3.0] == 0
    assert dict(latency.buckets)[10.0] == 2
    assert status.clock_difference_seconds is status.oldest_dead_letter_seconds is None


async def test_a_worker_that_is_not_ready_says_why(worker: Worker) -> None:
    status = read(StatusReport(worker.operations).body())
    assert not status.ready
    assert status.problems == worker.operations.problems()


async def test_assigned_partitions_are_listed_by_topic(worker: Worker) -> None:
    state = consumer_of(worker.app).assignment_state
    state.assigned({(MAGINE, 1): (70, CommitNote()), (MAGINE, 0): (5, CommitNote(reason="ada@example.com"))})
    status = read(StatusReport(worker.operations).body())
    assert [each.topic for each in status.topics if each.partitions] == [MAGINE]
    (magine,) = [each for each in status.topics if each.topic == MAGINE]
    assert [(each.partition, each.committed) for each in magine.partitions] == [(0, 5), (1, 70)]
    assert [each.paused for each in magine.partitions] == ["too many of its latest records are dead", None]


async def test_lag_is_that_of_the_partitions(worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    state = consumer_of(worker.app).assignment_state
    state.assigned({(MAGINE, number): (5, CommitNote()) for number in range(3)})
    lags = {(MAGINE, 0): PartitionLag(5, 9, 4, 30.5, 2.0), (MAGINE, 1): PartitionLag(5, 6, 1, 60.0, 2.0)}
    monkeypatch.setattr(worker.operations, "lags", lambda: lags)
    status = read(StatusReport(worker.operations).body())
    (magine,) = [each for each in status.topics if each.topic == MAGINE]
    assert (magine.lag_records, magine.lag_seconds) == (5, 60.0)
    known = [(each.end, each.lag_records, each.lag_seconds, each.age_seconds) for each in magine.partitions]
    assert known == [(9, 4, 30.5, 2.0), (6, 1, 60.0, 2.0), (None, None, None, None)]
    (events,) = [each for each in status.topics if each.vendor == "events"]
    assert (events.topic, events.lag_records, events.partitions) == ("users.events", None, [])


async def test_an_answer_is_made_once_a_second(worker: Worker) -> None:
    now = [100.0]
    report = StatusReport(worker.operations, lambda: now[0])
    first = report.body()
    worker.metrics.received.labels("magine").inc()
    now[0] += 0.99
    assert report.body() is first
    now[0] += 0.01
    (magine,) = [each for each in read(report.body()).vendors if each.vendor == "magine"]
    assert magine.received == 1


async def test_only_the_vendors_that_are_read_are_shown() -> None:
    worker = Worker(Settings(vendors="magine,fynd"), Metrics())
    status = read(StatusReport(worker.operations).body())
    assert [each.vendor for each in status.vendors] == ["fynd", "magine"]
    assert [each.vendor for each in status.topics] == ["fynd", "magine", "events"]
    state = consumer_of(worker.app).assignment_state
    state.assigned({(MAGINE, 0): (5, CommitNote(reason="by an operator: a move"))})
    (partition,) = StatusReport(worker.operations).make().topics[1].partitions
    assert partition.paused == "by an operator: a move"
    consumer_of(worker.app)._thread.thread_loop.close()
