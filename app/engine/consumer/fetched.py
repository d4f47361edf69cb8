"""What a fetch has read of each partition: ranges of offsets, and the records in them.

The offsets of the records do not say how far a fetch has read. The control record at the end of a
transaction, the records of an aborted one, and what compaction has removed leave offsets without a record.
aiokafka's position moves past them, so the ranges are noted where it moves (docs/design.md#positions).
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.engine.record_batches.fetched_records import TakenRecords
from app.engine.slices import Partition, Record, split_at


class FetchedRange(NamedTuple):
    """The offsets `first` to `end - 1` of a partition, and all records that a reader is given of them."""

    first: int
    end: int
    records: Sequence[Record] = ()
    size: int = 0
    """About how many bytes of memory the records take."""

    def parts(self, alone: Collection[int] = (), cut: int | None = None) -> Iterator["FetchedRange"]:
        """Yields consecutive parts of the range. Each record with one of the offsets `alone` is a part of its
        own. Offsets without a record belong to the next record's part, those at the end to the last part.
        With `cut` one part ends before that offset, also if there is no record in it."""
        if cut is not None and self.first < cut < self.end:
            before = bisect_left(self.records, cut, key=_offset)
            size = self.size * before // max(len(self.records), 1)
            yield from FetchedRange(self.first, cut, self.records[:before], size).parts(alone)
            yield from FetchedRange(cut, self.end, self.records[before:], self.size - size).parts(alone)
            return
        if not self.records:
            yield self
            return
        first = self.first
        for records in split_at(self.records, alone):
            next_offset = records[-1].offset + 1
            end = self.end if next_offset > self.records[-1].offset else next_offset
            yield FetchedRange(first, end, records, self.size * len(records) // len(self.records))
            first = end


def _offset(record: Record) -> int:
    return record.offset


class Marks(NamedTuple):
    """Offsets of one partition after a fetch. The last two are those of the broker's last answer; None before
    the first."""

    position: int
    """The next offset that aiokafka returns."""
    last_stable: int | None
    """The offset of the first record of an open transaction; -1 if the reader is not `read_committed`."""
    high_watermark: int | None


class Fetched(NamedTuple):
    """The result of a fetch. `ranges` has only partitions whose position has moved, and those of a partition
    in order; only the last one can have records."""

    ranges: dict[Partition, list[FetchedRange]]
    marks: dict[Partition, Marks]


class ReadNotes:
    """The ranges that a fetch has read so far."""

    def __init__(self) -> None:
        self._notes: list[tuple[Partition, int, int]] = []

    def clear(self) -> None:
        """Forgets everything, because a new fetch begins. The last one may have ended with an exception,
        and then what it had read is lost."""
        self._notes.clear()

    def note(self, partition: Partition, first: int, end: int) -> None:
        """Notes that the position has moved from `first` to `end`, past what was read."""
        if first != end:
            self._notes.append((partition, first, end))

    def take(self, records: Mapping[Partition, TakenRecords]) -> dict[Partition, list[FetchedRange]]:
        """Returns the ranges, with the records that the fetch returned, and forgets them."""
        ranges: dict[Partition, list[FetchedRange]] = {}
        for partition, first, end in self._notes:
            ranges.setdefault(partition, []).append(FetchedRange(first, end))
        self._notes.clear()
        for partition, found in records.items():
            # A fetch returns as soon as it has records, so they are of the last range.
            last = ranges[partition].pop()
            ranges[partition].append(FetchedRange(last.first, last.end, found, found.size))
        return ranges
