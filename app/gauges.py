"""Sets the gauges of a worker before each scrape."""

from math import nan

from app.engine import RestoreReport
from app.operations import Operations
from app.pause_reasons import is_by_operator


class Gauges:
    """Those of one worker."""

    def __init__(self, operations: Operations) -> None:
        self._operations = operations
        self._metrics = operations.metrics

    def refresh(self) -> None:
        """Sets all gauges to what they are now."""
        operations, metrics = self._operations, self._metrics
        metrics.commit_age.set(operations.commit_age())
        metrics.oldest_write.set(operations.oldest_write())
        paused = operations.paused()
        for name in operations.names:
            metrics.paused.labels(name).set(name in paused)
            deliberately = any(map(is_by_operator, paused.get(name, {}).values()))
            metrics.paused_by_operator.labels(name).set(deliberately)
        for table, rows in operations.row_counts().items():
            metrics.rows.labels(table).set(rows)
        self._set_held_back()
        self._set_restore(operations.restore())
        self._set_lags()

    def _set_held_back(self) -> None:
        longest = {self._operations.topic(name): 0.0 for name in self._operations.names}
        for (topic, _), seconds in self._operations.held_back().items():
            longest[topic] = max(longest[topic], seconds)
        for topic, seconds in longest.items():
            self._metrics.held_back.labels(topic).set(seconds)

    def _set_restore(self, report: RestoreReport | None) -> None:
        read, to_go, seconds = report or (0, 0, 0.0)
        self._metrics.restore_read.set(read)
        self._metrics.restore_to_go.set(to_go)
        self._metrics.restore_seconds_left.set(nan if seconds is None else seconds)

    def _set_lags(self) -> None:
        delays = self._metrics.delays
        for gauge in (delays.lag_records, delays.lag_seconds, delays.end_age):
            gauge.clear()
        for (topic, partition), lag in self._operations.lags().items():
            delays.lag_records.labels(topic, partition).set(lag.records)
            delays.lag_seconds.labels(topic, partition).set(lag.seconds)
            delays.end_age.labels(topic, partition).set(lag.age)
        oldest = self._operations.oldest_dead_letter()
        delays.oldest_dead_letter.set(nan if oldest is None else oldest)
        ahead = self._operations.clock_difference()
        delays.clock_difference.set(nan if ahead is None else ahead)
