"""All metrics of a worker and their help texts. Prometheus scrapes them; the table in docs/operators.md is
made of them.

For each vendor `rollcall_records_received_total` always equals the sum of `rollcall_records_total` over
outcome and reason: both are counted when all writes of a slice are acknowledged. What the engine reports is
counted by `engine_metrics.py`.
"""

import re
from collections import Counter
from collections.abc import Iterable
from typing import Final

from prometheus_client import CollectorRegistry, Gauge, Histogram, Info
from prometheus_client import Counter as Total

from app import __version__
from app.delay_metrics import DelayMetrics
from app.flow_metrics import FlowMetrics
from app.outcome import DEAD_REASONS, SKIP_REASONS
from app.vendors import VENDORS

# The names of fields and events come from payloads, so there can be any number of them. This bounds the
# number of series.
MAX_FIELD_NAMES: Final = 200
OTHER_FIELD: Final = "(other)"
_FIELD_NAME = re.compile(r"[A-Za-z_$][A-Za-z0-9_.$-]{0,63}")

INCIDENTS: Final = ("rewound", "gap", "hole", "reset", "commit_refused", "foreign", "healed")
"""The kinds of `rollcall_engine_incidents_total`."""

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_RECORDS = (1, 10, 50, 100, 250, 500, 1000, 2000, 4000)


class Metrics:
    """The metrics of one worker, in a registry of their own."""

    def __init__(self) -> None:
        self.registry = registry = CollectorRegistry()
        self.received = Total(
            "rollcall_records_received",
            "Records of a vendor's topic whose outcome is acknowledged by the brokers.",
            ["vendor"],
            registry=registry,
        )
        self.records = Total(
            "rollcall_records",
            "The same records by outcome (emit, skip, dead) and reason (empty if the outcome is emit).",
            ["vendor", "outcome", "reason"],
            registry=registry,
        )
        self.events = Total(
            "rollcall_canonical_events",
            "Canonical events that are acknowledged. They are more than the emitted records if a record names"
            " several users.",
            ["vendor", "type"],
            registry=registry,
        )
        self.effects = Total(
            "rollcall_table_effects",
            "Canonical events that were applied to the tables, by effect (changed, after_deletion, stale,"
            " unchanged).",
            ["effect"],
            registry=registry,
        )
        self.canonical_dead = Total(
            "rollcall_canonical_records_dead",
            "Records of the canonical topic that became dead letters, by reason.",
            ["reason"],
            registry=registry,
        )
        self.dead_letters = Total(
            "rollcall_dead_letters",
            "Dead letters that this worker has written, by reason and by the header x-vendor: a vendor,"
            " canonical or changelog.",
            ["vendor", "reason"],
            registry=registry,
        )
        self.duplicates = Total(
            "rollcall_duplicate_events",
            "Events that were in one part of a slice together with an event of the same source and id. A"
            " repeat that comes later has the effect unchanged, or stale.",
            registry=registry,
        )
        self.ahead = Total(
            "rollcall_events_ahead",
            "Applied events whose time is more than 5 minutes after the timestamp of the vendor's record: the"
            " vendor's clock is ahead, or its times have another offset (other: a vendor that Rollcall does"
            " not know).",
            ["vendor"],
            registry=registry,
        )
        self.left_out = Total(
            "rollcall_fields_left_out",
            "Fields of emitted records that were left out because of their value, by name.",
            ["vendor", "field"],
            registry=registry,
        )
        self.not_mapped = Total(
            "rollcall_fields_not_mapped",
            "Fields that no mapper reads, by name, counted in the first of every 32 records of a"
            " part of a slice, if its body has at most 64 KiB.",
            ["vendor", "field"],
            registry=registry,
        )
        self.events_not_mapped = Total(
            "rollcall_events_not_mapped",
            "Records of other families and of unknown events, by the event's name, counted in the first of"
            " every 32 such records of a part of a slice, if its body has at most 64 KiB.",
            ["vendor", "event"],
            registry=registry,
        )
        self.slice_records = Histogram(
            "rollcall_slice_records",
            "Records of a slice, which is what one fetch returned for one partition.",
            ["topic"],
            buckets=_RECORDS,
            registry=registry,
        )
        self.stage_seconds = Histogram(
            "rollcall_slice_stage_seconds",
            "Seconds that a slice takes in a stage: map (convert records and append events), apply (apply"
            " events and append rows), write (until all in-sync replicas have them), whole (from the moment"
            " when the agent begins it to the acknowledgement).",
            ["stage"],
            buckets=_SECONDS,
            registry=registry,
        )
        self.commit_seconds = Histogram(
            "rollcall_commit_seconds", "Seconds of a commit of offsets.", buckets=_SECONDS, registry=registry
        )
        self.commit_age = Gauge(
            "rollcall_commit_age_seconds",
            "Seconds since the dispatch of the oldest record that is not committed yet; 0 if there is none.",
            registry=registry,
        )
        self.oldest_write = Gauge(
            "rollcall_oldest_write_seconds",
            "Seconds since the oldest unacknowledged record was appended. It grows in an outage.",
            registry=registry,
        )
        self.held_back = Gauge(
            "rollcall_open_transaction_seconds",
            "Seconds for which one open transaction has held back records that are next to be read, the"
            " longest of the topic's partitions in this worker; 0 if none does.",
            ["topic"],
            registry=registry,
        )
        self.paused = Gauge(
            "rollcall_vendor_held",
            "1 while partitions of the vendor, or of the canonical topic (events), are paused in this worker:"
            " too many of its records are dead, or workers died of a partition; else 0.",
            ["vendor"],
            registry=registry,
        )
        self.ready = Gauge("rollcall_ready", "1 while /readyz answers 200, else 0.", registry=registry)
        self.topic_problems = Gauge(
            "rollcall_topic_problems",
            "Problems of the topics with which a worker would not start, such as a missing topic, by the last"
            " of the checks that it makes every minute.",
            registry=registry,
        )
        self.rows = Gauge(
            "rollcall_table_rows",
            "Rows of the table in this worker's partitions.",
            ["table"],
            registry=registry,
        )
        self.partitions = Gauge(
            "rollcall_partitions", "Partitions assigned to this worker.", registry=registry
        )
        self.incidents = Total(
            "rollcall_engine_incidents",
            "By kind: rewound (partitions that are read again after a dropped fetch), gap (fetches that"
            " did not begin at the expected offset and were repeated), hole (offsets that the broker deleted"
            " before they were read, for example by retention), reset (logs that were truncated or created"
            " again), commit_refused (partitions of a refused commit), foreign (changelog records that a"
            " zombie wrote), healed (rows that were repaired after them).",
            ["kind"],
            registry=registry,
        )
        self.changelog_skipped = Total(
            "rollcall_changelog_records_skipped",
            "Changelog records that count as not written, by table and kind: garbage (no row, or the row of"
            " another key; it becomes a dead letter), keyless (no key), not_read (too large to be read),"
            " misplaced_row and misplaced_tombstone (the key belongs to another partition),"
            " later_version (a later version wrote the row).",
            ["table", "kind"],
            registry=registry,
        )
        self.rebalances = Total(
            "rollcall_rebalances", "Assignments that this worker received from its group.", registry=registry
        )
        self.restored = Total(
            "rollcall_recovered_records", "Changelog records read to restore the tables.", registry=registry
        )
        self.restore_read = Gauge(
            "rollcall_recovery_records_read",
            "Changelog records that the restore under way has read; 0 if there is none.",
            registry=registry,
        )
        self.restore_to_go = Gauge(
            "rollcall_recovery_records_to_go",
            "Changelog records that the restore under way still has to read, at most: compaction may have"
            " removed some of them; 0 if there is none.",
            registry=registry,
        )
        self.restore_seconds_left = Gauge(
            "rollcall_recovery_seconds_left",
            "Seconds until they are read, by the speed so far (NaN before the first record); 0 if there is no"
            " restore.",
            registry=registry,
        )
        self.restore_seconds = Gauge(
            "rollcall_recovery_seconds",
            "Seconds of the last restore of the tables.",
            registry=registry,
        )
        self.delays = DelayMetrics(registry)
        self.flow = FlowMetrics(registry)
        Info("rollcall_build", "The worker's version.", registry=registry).info({"version": __version__})
        self._names: dict[tuple[Total, str], set[str]] = {}
        self._show_zeros()

    def _show_zeros(self) -> None:
        """Makes the series of closed sets, with 0: Prometheus sees no increase in a series that begins with
        its first count, so an alert would miss that one."""
        for vendor in VENDORS:
            self.received.labels(vendor)
            self.records.labels(vendor, "emit", "")
            for skipped in SKIP_REASONS:
                self.records.labels(vendor, "skip", skipped)
            for dead in DEAD_REASONS:
                self.records.labels(vendor, "dead", dead)
        for kind in INCIDENTS:
            self.incidents.labels(kind)

    def count_fields(self, total: Total, vendor: str, names: Iterable[str]) -> None:
        """Counts names from payloads, at most MAX_FIELD_NAMES different ones for each metric and vendor. All
        others, and texts that do not look like names, are counted as OTHER_FIELD."""
        known = self._names.setdefault((total, vendor), set())
        for name, count in Counter(names).items():
            label = name if _FIELD_NAME.fullmatch(name) else OTHER_FIELD
            if label not in known:
                if len(known) >= MAX_FIELD_NAMES:
                    label = OTHER_FIELD
                known.add(label)
            total.labels(vendor, label).inc(count)
