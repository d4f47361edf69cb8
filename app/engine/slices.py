"""Slices: the records that one fetch returned for one partition, and what is known of them in flight.

A slice is acknowledged and committed as a whole, and handled in parts (`processor.py`).
"""

from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Final, Protocol

Partition = tuple[str, int]
"""Topic and partition number. The named tuples of Faust and aiokafka are equal to it and have its hash."""


class Record(Protocol):
    """One record as agents see it. Several classes of aiokafka have these attributes."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Kafka's record timestamp in milliseconds since 1970. A negative one means "no timestamp"."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


HEADER_BYTES: Final = 120
"""About what a header takes in memory in addition to its name and value."""


def size_of(record: Record) -> int:
    """Returns how many bytes a record takes, with its key and headers."""
    headers = sum(len(name) + len(value or b"") + HEADER_BYTES for name, value in record.headers)
    return len(record.value or b"") + len(record.key or b"") + headers


def split_at(records: Sequence[Record], offsets: Collection[int]) -> Iterator[Sequence[Record]]:
    """Yields the records in order, in parts. Each record with one of the offsets is a part of its own."""
    start = 0
    for index, record in enumerate(records) if offsets else ():
        if record.offset in offsets:
            if index > start:
                yield records[start:index]
            yield records[index : index + 1]
            start = index + 1
    if start < len(records):
        yield records[start:]


class SliceState(Enum):
    QUEUED = auto()  # It is dispatched. No agent has begun it, and it may still be taken back.
    BEGUN = auto()  # An agent works on it. Its outputs may be on their way to the brokers.
    DONE = auto()  # Every output is durable.
    GONE = auto()  # It was taken back, or its partition was revoked. A later acknowledgement has no effect.


@dataclass(slots=True, eq=False)
class InFlightSlice:
    """The offsets of a dispatched slice, and its state. Offsets that were read before, between and after its
    records and hold none are among them.

    It is compared by identity. So a late acknowledgement cannot match the same offsets of a later assignment.
    """

    partition: Partition
    first: int
    last: int
    state: SliceState = SliceState.QUEUED
    size: int = 0
    """The bytes of its records."""
    timestamp: int = -1
    """That of its first record, in milliseconds since 1970; negative if it has none."""
    dispatched_at: float = 0.0
    """Monotonic time in seconds; `begun_at` and `moved_at` are such times as well."""
    begun_at: float = 0.0
    moved_at: float = 0.0
    """When the slice was dispatched, begun, or last went on to its next part."""
    waits: bool = False
    """Whether its agent waits for room, or for the thread that decodes another slice's record. What it waits
    for is watched, and so the slice itself is not."""

    def __str__(self) -> str:
        topic, partition = self.partition
        return f"{topic}/{partition}/{self.first}..{self.last}"


class Slice:
    """Consecutive records of one partition in offset order, at least one.

    `in_flight` belongs to the consumer. It is None in a slice that a unit test makes for an agent. If
    `skipped` is true, an operator skips the slice: its records must not be read, and are dead letters.
    """

    __slots__ = ("in_flight", "partition", "records", "skipped", "topic")

    def __init__(
        self,
        topic: str,
        partition: int,
        records: Sequence[Record],
        in_flight: InFlightSlice | None = None,
        *,
        skipped: bool = False,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.records = records
        self.in_flight = in_flight
        self.skipped = skipped

    @property
    def first(self) -> int:
        """The offset of the first record."""
        return self.records[0].offset

    @property
    def last(self) -> int:
        """The offset of the last record."""
        return self.records[-1].offset

    @property
    def next_offset(self) -> int:
        """The offset after the last record. What is committed may be a later one, because offsets can hold no
        record for us (`InFlightSlice.last`)."""
        return self.last + 1

    def index_of(self, offset: int) -> int:
        """Returns the index of the record with this offset, which must be in the slice.

        Offsets may be missing between two records, so the index does not follow from `first`.
        """
        return bisect_left(self.records, offset, key=lambda record: record.offset)

    def cut(self, offset: int) -> None:
        """Removes the record with this offset, which is not the first one, and those behind it."""
        self.records = self.records[: self.index_of(offset)]

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"Slice({self.topic}/{self.partition}/{self.first}..{self.last})"
