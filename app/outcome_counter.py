"""Counts in the worker's metrics what became of a vendor's records, and which fields no event carries."""

from collections import Counter
from collections.abc import Iterator, Sequence
from operator import attrgetter
from time import time_ns
from typing import Final

from app.engine import LARGE_BYTES, Record, Slice
from app.metrics import Metrics
from app.outcome import Dead, Skip
from app.vendors import Options, Vendor
from app.vendors.unmapped_fields import event_name, unmapped_fields

# The reasons of records whose event no mapper maps.
_NO_EVENT: Final = ("other_family", "unknown_event")

# Looking for names that no mapper reads costs as much as mapping; a sample shows them all the same.
_UNMAPPED_EVERY: Final = 32
_timestamp: Final = attrgetter("timestamp")
# Of the longest bodies the look takes half a second.
_UNMAPPED_BYTES: Final = LARGE_BYTES


class Outcomes:
    """The outcomes of the records of a part, in numbers."""

    def __init__(self) -> None:
        self.records: Counter[tuple[str, str]] = Counter()
        """By outcome and reason."""
        self.events: Counter[str] = Counter()
        """By type."""
        self.left_out: list[str] = []
        """The names of the fields that were left out."""
        self.not_mapped: list[Record] = []
        """The records whose event no mapper maps."""

    def add(self, outcome: Skip | Dead, record: Record) -> None:
        """Adds the outcome of a record without events."""
        kind = "skip" if isinstance(outcome, Skip) else "dead"
        self.records[kind, outcome.reason] += 1
        if outcome.reason in _NO_EVENT:
            self.not_mapped.append(record)


class OutcomeCounter:
    """Counts the records of one vendor."""

    def __init__(self, vendor: Vendor, options: Options, metrics: Metrics) -> None:
        self._vendor = vendor
        self._metrics = metrics
        self._largest_searched = min(options.max_record_bytes, _UNMAPPED_BYTES)

    def count(self, slice_: Slice, outcomes: Outcomes) -> None:
        """Counts the outcomes of a part's records. Called when all of them are acknowledged."""
        name, metrics, records = self._vendor.name, self._metrics, slice_.records
        metrics.received.labels(name).inc(len(records))
        for (outcome, reason), count in outcomes.records.items():
            metrics.records.labels(name, outcome, reason).inc(count)
            if outcome == "dead":
                metrics.dead_letters.labels(name, reason).inc(count)
        for kind, count in outcomes.events.items():
            metrics.events.labels(name, kind).inc(count)
        if not slice_.skipped:
            metrics.delays.written(name, map(_timestamp, records), time_ns() // 1000)
        if outcomes.left_out:
            metrics.count_fields(metrics.left_out, name, outcomes.left_out)
        self._count_names(() if slice_.skipped else records, outcomes.not_mapped)

    def _count_names(self, records: Sequence[Record], not_mapped: Sequence[Record]) -> None:
        """Counts the names that no mapper knows, of a sample of the records."""
        name, metrics = self._vendor.name, self._metrics
        for body in self._sample(records):
            metrics.count_fields(metrics.not_mapped, name, unmapped_fields(self._vendor, body))
        for body in self._sample(not_mapped):
            if event := event_name(self._vendor, body):
                metrics.count_fields(metrics.events_not_mapped, name, [event])

    def _sample(self, records: Sequence[Record]) -> Iterator[bytes]:
        for record in records[::_UNMAPPED_EVERY]:
            if record.value is not None and len(record.value) <= self._largest_searched:
                yield record.value
