"""Every metric there is, with its help: what Prometheus scrapes and the dashboards read.

`rollcall_records_received_total = rollcall_records_total` summed over outcome and reason, per vendor,
always: both count when the slice's writes are acknowledged.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info
from prometheus_client import Counter as Total

from app import __version__
from app.lane import LaneObserver
from app.lane.findings import Skipped
from app.lane.slices import Partition
from app.lane.write_observer import WriteObserver

# Names come from payloads: how many there can be is not ours to say, how many series is.
MAX_FIELD_NAMES: Final = 200
OTHER_FIELD: Final = "(other)"
_FIELD_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,63}")

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RECORDS = (1, 10, 50, 100, 250, 500, 1000, 2000, 4000)


class Metrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.received = Total(
            "rollcall_records_received",
            "Records read from a vendor's topic whose outcome is durable.",
            ["vendor"],
            registry=registry,
        )
        self.records = Total(
            "rollcall_records",
            "The same records by outcome (emit, skip, dead) and reason (empty for emit).",
            ["vendor", "outcome", "reason"],
            registry=registry,
        )
        self.events = Total(
            "rollcall_canonical_events",
            "Canonical events acknowledged: more than emitted records where one names several users.",
            ["vendor", "type"],
            registry=registry,
        )
        self.effects = Total(
            "rollcall_table_effects",
            "Canonical events applied, by effect (changed, after_deletion, stale, unchanged).",
            ["effect"],
            registry=registry,
        )
        self.canonical_dead = Total(
            "rollcall_canonical_records_dead",
            "Records of the canonical topic that are no canonical events, by reason.",
            ["reason"],
            registry=registry,
        )
        self.left_out = Total(
            "rollcall_fields_left_out",
            "Fields of emitted records whose value could not be carried, by name.",
            ["vendor", "field"],
            registry=registry,
        )
        self.not_mapped = Total(
            "rollcall_fields_not_mapped",
            "Names that no mapper reads, counted in the first of every 32 records of a slice.",
            ["vendor", "field"],
            registry=registry,
        )
        self.slice_records = Histogram(
            "rollcall_slice_records",
            "Records of a slice: what one fetch gave for one partition.",
            ["topic"],
            buckets=_RECORDS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "rollcall_slice_stage_seconds",
            "Seconds of a slice in a stage: map (convert and append), apply (rows and append), write (until"
            " every in-sync replica has it), whole (from dispatch to acknowledgement).",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "rollcall_commit_seconds", "Seconds of an offset commit.", buckets=_SECONDS, registry=registry
        )
        self.commit_age = Gauge(
            "rollcall_commit_age_seconds",
            "Seconds since the oldest record was dispatched that is not committed yet; 0 if none is.",
            registry=registry,
        )
        self.round_age = Gauge(
            "rollcall_oldest_write_seconds",
            "Seconds since the oldest unacknowledged record was appended; grows in an outage of the brokers.",
            registry=registry,
        )
        self.held = Gauge(
            "rollcall_vendor_held",
            "1 while partitions of the vendor are held in this worker, for too many dead records.",
            ["vendor"],
            registry=registry,
        )
        self.ready = Gauge("rollcall_ready", "1 while /readyz answers 200.", registry=registry)
        self.rows = Gauge(
            "rollcall_table_rows", "Rows in this worker's part of a table.", ["table"], registry=registry
        )
        self.partitions = Gauge(
            "rollcall_partitions", "Partitions assigned to this worker.", registry=registry
        )
        self.lane = Total(
            "rollcall_lane_incidents",
            "Partitions rewound after a dropped fetch, gaps (re-read once), holes (retention), resets (cut"
            " logs), refused commits, foreign changelog records and rows healed after them.",
            ["kind"],
            registry=registry,
        )
        self.changelog_skipped = Total(
            "rollcall_changelog_records_skipped",
            "Changelog records that count as not written, by table and kind: garbage (no row, or another"
            " key's: dead-lettered), keyless, misplaced_row and misplaced_tombstone (the key belongs to"
            " another partition), later_version.",
            ["table", "kind"],
            registry=registry,
        )
        self.rebalances = Total(
            "rollcall_rebalances", "Assignments received from the group.", registry=registry
        )
        self.recovered = Total(
            "rollcall_recovered_records", "Changelog records read to recover tables.", registry=registry
        )
        self.recovery_seconds = Gauge(
            "rollcall_recovery_seconds", "Seconds of the last recovery of tables.", registry=registry
        )
        Info("rollcall_build", "The worker's version.", registry=registry).info({"version": __version__})
        self._field_names: dict[str, set[str]] = {}

    def count_fields(self, total: Total, vendor: str, names: Iterable[str]) -> None:
        """Counts names from payloads, at most MAX_FIELD_NAMES a vendor; the rest is OTHER_FIELD."""
        known = self._field_names.setdefault(vendor, set())
        for name, count in Counter(names).items():
            label = name if _FIELD_NAME.fullmatch(name) else OTHER_FIELD
            if label not in known:
                if len(known) >= MAX_FIELD_NAMES:
                    label = OTHER_FIELD
                known.add(label)
            total.labels(vendor, label).inc(count)


class LaneMetrics(LaneObserver):
    """The consumer half of the lane, counted."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def slice_dispatched(self, topic: str, partition: int, records: int) -> None:
        self._metrics.slice_records.labels(topic).observe(records)

    def slice_done(self, topic: str, partition: int, records: int, seconds: float) -> None:
        self._metrics.stage_seconds.labels("whole").observe(seconds)

    def committed(self, offsets: Mapping[Partition, int], seconds: float) -> None:
        self._metrics.commit_seconds.observe(seconds)

    def commit_refused(self, partitions: int) -> None:
        self._metrics.lane.labels("commit_refused").inc(partitions)

    def rewound(self, partitions: int) -> None:
        self._metrics.lane.labels("rewound").inc(partitions)

    def gap(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self._metrics.lane.labels("gap").inc()

    def hole(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self._metrics.lane.labels("hole").inc()

    def reset(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self._metrics.lane.labels("reset").inc()

    def revoked(self, partitions: int) -> None:
        self._metrics.partitions.set(0)

    def assigned(self, partitions: int, generation: int) -> None:
        self._metrics.partitions.set(partitions)
        self._metrics.rebalances.inc()


class WriteMetrics(WriteObserver):
    """The producer half of the lane, counted."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def round_acknowledged(self, topic: str, records: int, seconds: float) -> None:
        self._metrics.stage_seconds.labels("write").observe(seconds)

    def recovered(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        self._metrics.recovered.inc(records)
        self._metrics.recovery_seconds.set(seconds)

    def skipped(self, table: str, records: Mapping[Skipped, int]) -> None:
        for kind, count in records.items():
            self._metrics.changelog_skipped.labels(table, kind).inc(count)

    def foreign(self, topic: str, partition: int, records: int) -> None:
        self._metrics.lane.labels("foreign").inc(records)

    def healed(self, topic: str, partition: int, rewritten: int) -> None:
        self._metrics.lane.labels("healed").inc(rewritten)
