"""Records of a vendor's topic through today's mapping: what is written of them, and what is counted.

It has no I/O and no clock.
"""

from collections import Counter
from typing import Any, Final

from msgspec import Struct, field

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.engine import Headers, Record, UnreadRecord, partition_of
from app.outcome import Dead, Emit, Outcome, Skip
from app.tools.topic_writer import Outgoing
from app.topics import OutputTopic
from app.trace_headers import trace_headers
from app.vendors import Options, Vendor, convert

_HEADERS: Final = (CONTENT_TYPE_HEADER,)


class RemappedCounts(Struct):
    """What became of the records of a replay."""

    records: int = 0
    emit: int = 0
    """Records with events, also if events of them are left out."""
    skip: Counter[str] = field(default_factory=Counter)
    """By reason."""
    dead: Counter[str] = field(default_factory=Counter)
    """By reason. A worker has written their dead letters when it read the records."""
    events: int = 0
    """Events to write: those that the broker refuses are among them."""
    too_old: int = 0
    """Events that are left out because they are older than the grace period."""

    def lines(self) -> list[str]:
        """Returns one line for all outcomes, and one for each reason of a skipped or dead record."""
        skipped, dead = self.skip.total(), self.dead.total()
        told = [f"{self.records:,} records: {self.emit:,} emit, {skipped:,} skip, {dead:,} dead"]
        for kind, reasons in (("skip", self.skip), ("dead", self.dead)):
            told += [f"  {kind} {reason}: {count:,}" for reason, count in sorted(reasons.items())]
        return told

    def members(self) -> dict[str, Any]:
        """Returns the counts for JSON."""
        return {
            "records": self.records,
            "emit": self.emit,
            "skip": dict(sorted(self.skip.items())),
            "dead": dict(sorted(self.dead.items())),
            "events": self.events,
            "too_old": self.too_old,
        }


class Remapping:
    """Maps the records of one vendor into a canonical topic."""

    def __init__(self, vendor: Vendor, options: Options, target: OutputTopic, oldest: str) -> None:
        """`oldest`: events with an earlier time are left out; as `format_micros` writes it, "" for none."""
        self.counts = RemappedCounts()
        self._vendor = vendor
        self._options = options
        self._target = target
        self._oldest = oldest

    def map(self, record: Record, partition: str) -> list[Outgoing]:
        """Returns the events to write of a record of `partition`, which is written as `topic/number`. Key,
        value and headers are those that a worker writes."""
        counts = self.counts
        counts.records += 1
        outcome, headers = self._outcome(record, partition), self._headers(record)
        written: list[Outgoing] = []
        if isinstance(outcome, Emit):
            topic, partitions = self._target.topic, self._target.partitions
            old = 0
            for event in outcome.events:
                key, value = event.partitionkey.encode(), encode_event(event)
                if not self._target.fits(key, value, headers):
                    outcome, written, old = Dead("too_large", ""), [], 0
                    break
                if event.time < self._oldest:
                    old += 1
                else:
                    written.append(Outgoing(topic, partition_of(key, partitions), key, value, headers))
            counts.too_old += old
        match outcome:
            case Emit():
                counts.emit += 1
            case Skip(reason):
                counts.skip[reason] += 1
            case Dead(reason):
                counts.dead[reason] += 1
        counts.events += len(written)
        return written

    def _outcome(self, record: Record, partition: str) -> Outcome:
        if isinstance(record, UnreadRecord):
            return Dead("too_large", record.why)
        return convert(self._vendor, record, partition, self._options)

    def _headers(self, record: Record) -> Headers:
        trace = trace_headers(record.headers) if record.headers else ()
        return (*_HEADERS, *trace) if trace else _HEADERS
