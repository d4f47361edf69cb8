"""Counts in the worker's metrics what the engine reports: slices, commits, rebalances, restores, repairs."""

from collections.abc import Collection, Mapping

from app.engine import EngineObserver, Partition, SkippedKind
from app.metrics import Metrics


class EngineMetrics(EngineObserver):
    """The engine's observer in a worker."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def slice_dispatched(self, topic: str, partition: int, records: int) -> None:
        self._metrics.slice_records.labels(topic).observe(records)

    def slice_done(self, topic: str, partition: int, records: int, seconds: float) -> None:
        self._metrics.stage_seconds.labels("whole").observe(seconds)

    def committed(self, offsets: Mapping[Partition, int], seconds: float) -> None:
        self._metrics.commit_seconds.observe(seconds)

    def commit_refused(self, partitions: int) -> None:
        self._metrics.incidents.labels("commit_refused").inc(partitions)

    def rewound(self, partitions: int) -> None:
        self._metrics.incidents.labels("rewound").inc(partitions)

    def gap(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self._metrics.incidents.labels("gap").inc()

    def missing(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self._metrics.incidents.labels("hole").inc(seen - expected)

    def truncated(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self._metrics.incidents.labels("reset").inc()

    def back_pressure(self, topics: Collection[str], seconds: float) -> None:
        for topic in topics:
            self._metrics.flow.back_pressure.labels(topic).inc(seconds)

    def revoked(self, partitions: int) -> None:
        self._metrics.partitions.set(0)

    def assigned(self, partitions: int, generation: int) -> None:
        self._metrics.partitions.set(partitions)
        self._metrics.rebalances.inc()

    def round_acknowledged(self, topic: str, records: int, seconds: float) -> None:
        self._metrics.stage_seconds.labels("write").observe(seconds)

    def batches_sent(self, topic: str, batches: int) -> None:
        self._metrics.flow.batches.labels(topic).inc(batches)

    def batch_retried(self, topic: str) -> None:
        self._metrics.flow.retries.labels(topic).inc()

    def restored(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        self._metrics.restored.inc(records)
        self._metrics.restore_seconds.set(seconds)

    def skipped(self, table: str, records: Mapping[SkippedKind, int]) -> None:
        for kind, count in records.items():
            self._metrics.changelog_skipped.labels(table, kind).inc(count)

    def zombie_records(self, topic: str, partition: int, records: int) -> None:
        self._metrics.incidents.labels("foreign").inc(records)

    def repaired(self, topic: str, partition: int, rewritten: int) -> None:
        self._metrics.incidents.labels("healed").inc(rewritten)
