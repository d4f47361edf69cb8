"""Makes the answer to `GET /status.json`, at most once a second."""

import os
import socket
import time
from collections.abc import Callable
from typing import Final

import msgspec
from prometheus_client.metrics import MetricWrapperBase

from app import __version__
from app.age_histogram import BOUNDS
from app.delay_metrics import FRESH_SECONDS
from app.gauges import Gauges
from app.operations import Operations
from app.status import (
    LatencyStatus,
    PartitionStatus,
    RestoreStatus,
    Status,
    TableStatus,
    TopicStatus,
    VendorStatus,
)
from app.times import format_micros

KEPT_SECONDS: Final = 1.0
"""For so long an answer is given again, so no client can make a worker busy with them."""

_MICROS: Final = 1_000_000


class StatusReport:
    """The status of one worker. All methods must be called in its event loop."""

    def __init__(self, operations: Operations, clock: Callable[[], float] = time.monotonic) -> None:
        self._operations = operations
        self._gauges = Gauges(operations)
        self._clock = clock
        self._started = clock()
        self._made = 0.0
        self._body = b""

    def body(self) -> bytes:
        """Returns the status as JSON. The answer is at most a second old."""
        now = self._clock()
        if not self._body or now - self._made >= KEPT_SECONDS:
            self._body, self._made = msgspec.json.encode(self.make()), now
        return self._body

    def make(self) -> Status:
        """Returns the status as it is now."""
        operations, metrics = self._operations, self._operations.metrics
        problems = operations.problems()
        self._gauges.refresh()
        restore = operations.restore()
        rows, sizes = operations.row_counts(), _by_label(metrics.flow.table_bytes)
        return Status(
            version=__version__,
            instance=operations.settings.group_instance_id or f"{socket.gethostname()}-{os.getpid()}",
            group=operations.settings.app_id,
            time=format_micros(int(time.time() * _MICROS)),
            uptime_seconds=self._clock() - self._started,
            ready=not problems,
            problems=problems,
            rebalances=int(_value(metrics.rebalances)),
            partitions=int(_value(metrics.partitions)),
            commit_age_seconds=_value(metrics.commit_age),
            oldest_write_seconds=_value(metrics.oldest_write),
            oldest_dead_letter_seconds=operations.oldest_dead_letter(),
            clock_difference_seconds=operations.clock_difference(),
            latency=self._latency(),
            topics=self._topics(),
            vendors=self._vendors(),
            canonical_dead=_by_label(metrics.canonical_dead),
            effects=_by_label(metrics.effects),
            duplicates=int(_value(metrics.duplicates)),
            incidents=_by_label(metrics.incidents),
            tables=[
                TableStatus(table=table, rows=count, bytes=sizes.get(table, 0))
                for table, count in rows.items()
            ],
            restore=None if restore is None else RestoreStatus(**restore._asdict()),
        )

    def _latency(self) -> LatencyStatus:
        delays = self._operations.metrics.delays
        counts = delays.to_changelog.counts()
        return LatencyStatus(
            within_seconds=FRESH_SECONDS,
            good=int(_value(delays.fresh)),
            total=int(_value(delays.applied)),
            buckets=list(zip(BOUNDS, counts, strict=False)),
        )

    def _topics(self) -> list[TopicStatus]:
        operations = self._operations
        lags, paused = operations.lags(), operations.paused_reasons()
        partitions: dict[str, list[PartitionStatus]] = {}
        for each, committed in sorted(operations.committed().items()):
            lag = lags.get(each)
            partitions.setdefault(each[0], []).append(
                PartitionStatus(
                    partition=each[1],
                    committed=committed,
                    end=lag and lag.end,
                    lag_records=lag and lag.records,
                    lag_seconds=lag and lag.seconds,
                    age_seconds=lag and lag.age,
                    paused=paused.get(each),
                )
            )
        return [
            _topic_status(topic, vendor, partitions.get(topic, []))
            for vendor in operations.names
            if (topic := operations.topic(vendor))
        ]

    def _vendors(self) -> list[VendorStatus]:
        metrics, paused = self._operations.metrics, self._operations.paused()
        received, ahead = _by_label(metrics.received), _by_label(metrics.ahead)
        found = {
            vendor: VendorStatus(
                vendor=vendor,
                paused=vendor in paused,
                received=received.get(vendor, 0),
                ahead=ahead.get(vendor, 0),
                emitted=0,
                skipped={},
                dead={},
                events={},
            )
            for vendor in self._operations.settings.vendor_names
        }
        for (vendor, outcome, reason), count in _by_labels(metrics.records).items():
            if outcome == "emit":
                found[vendor].emitted = count
            else:
                (found[vendor].skipped if outcome == "skip" else found[vendor].dead)[reason] = count
        for (vendor, kind), count in _by_labels(metrics.events).items():
            found[vendor].events[kind] = count
        return list(found.values())


def _topic_status(topic: str, vendor: str, partitions: list[PartitionStatus]) -> TopicStatus:
    records = [each.lag_records for each in partitions if each.lag_records is not None]
    seconds = [each.lag_seconds for each in partitions if each.lag_seconds is not None]
    return TopicStatus(
        topic=topic,
        vendor=vendor,
        lag_records=sum(records) if records else None,
        lag_seconds=max(seconds, default=None),
        partitions=partitions,
    )


def _by_labels(metric: MetricWrapperBase) -> dict[tuple[str, ...], int]:
    """Returns the value of each series of a counter or gauge by the values of its labels, in their order."""
    return {
        tuple(sample.labels.values()): int(sample.value)
        for family in metric.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def _by_label(metric: MetricWrapperBase) -> dict[str, int]:
    return {label: value for (label,), value in _by_labels(metric).items()}


def _value(metric: MetricWrapperBase) -> float:
    """Returns the value of a counter or gauge without labels."""
    (family,) = metric.collect()
    return float(family.samples[0].value)
