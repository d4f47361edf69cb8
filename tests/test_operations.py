"""What probes and metrics are told of a worker that has not read its tables yet. No broker is needed."""

import math
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from app.engine import LogPartition, RestoreReport, consumer_of
from app.engine.tables.manager import SliceTableManager
from app.errors import VendorNotRead
from app.metrics import Metrics
from app.settings import Settings
from app.worker import Worker

LOG = LogPartition("rollcall-users-changelog", 0)


@asynccontextmanager
async def made(settings: Settings) -> AsyncIterator[Worker]:
    worker = Worker(settings, Metrics())
    yield worker
    # That of the thread of the consumer, which was never started.
    consumer_of(worker.app)._thread.thread_loop.close()


@pytest.fixture
async def worker() -> AsyncIterator[Worker]:
    async with made(Settings()) as worker:
        yield worker


async def test_a_worker_says_how_far_the_restore_of_its_tables_is(
    worker: Worker, monkeypatch: pytest.MonkeyPatch
) -> None:
    reports: list[RestoreReport | None] = [None]
    monkeypatch.setattr("app.operations.restore_report", lambda _: reports[-1])

    def seen() -> tuple[str, tuple[float, ...]]:
        worker.operations.refresh_gauges()
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


def labelled(worker: Worker, metric: str, label: str) -> list[str]:
    """Returns the values of a label of a metric, after the gauges were set."""
    worker.operations.refresh_gauges()
    return [
        sample.labels[label]
        for family in worker.metrics.registry.collect()
        for sample in family.samples
        if sample.name == metric
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
