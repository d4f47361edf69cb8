"""A slice: what one fetch gave for one partition. The unit that agents handle, acknowledge and commit."""

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

Partition = tuple[str, int]
"""Topic and partition number; Faust's and aiokafka's own named tuples compare and hash equal to it."""


class Record(Protocol):
    """One record as agents see it; whatever the client library calls its class."""

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int:
        """Kafka's record timestamp in milliseconds since 1970; any negative one is none."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


def split_by_bytes(records: Sequence[Record], limit: int) -> Iterator[Sequence[Record]]:
    """The records in order, in parts whose values have at most `limit` bytes together, or one value.

    A fetch is bounded by its compressed size, which a thousandth of the whole can be.
    """
    sizes = [len(record.value or b"") for record in records]
    if sum(sizes) <= limit:
        yield records
        return
    start = total = 0
    for index, size in enumerate(sizes):
        if total + size > limit and index > start:
            yield records[start:index]
            start, total = index, 0
        total += size
    yield records[start:]


def _current() -> bool:
    return True


def _unheard() -> None:
    return None


def _no_hold(_: str) -> None:
    return None


class Slice:
    """Consecutive records of one partition, in offset order; never empty.

    `begin` and `done` are for `run_slices`, agents only read. Made without callbacks (as unit tests
    of agents do) it is always current and its acknowledgement goes nowhere.
    """

    __slots__ = ("_begin", "_done", "_hold", "generation", "handed_back", "partition", "records", "topic")

    def __init__(
        self,
        topic: str,
        partition: int,
        records: Sequence[Record],
        *,
        generation: int = 0,
        begin: Callable[[], bool] = _current,
        done: Callable[[], None] = _unheard,
        hold: Callable[[str], None] = _no_hold,
    ) -> None:
        self.topic = topic
        self.partition = partition
        self.records = records
        self.generation = generation
        self._begin = begin
        self._done = done
        self._hold = hold
        self.handed_back = False

    @property
    def first(self) -> int:
        """Offset of the first record."""
        return self.records[0].offset

    @property
    def last(self) -> int:
        """Offset of the last record."""
        return self.records[-1].offset

    @property
    def next_offset(self) -> int:
        """What to commit once this slice, and every one before it, is done."""
        return self.last + 1

    def index_of(self, offset: int) -> int:
        """The index of the record with this offset, which is in the slice; offsets may leave gaps."""
        return bisect_left(self.records, offset, key=lambda record: record.offset)

    def begin(self) -> bool:
        """Whether the slice may be handled; False when its partition was revoked while it queued."""
        return self._begin()

    def done(self) -> None:
        """Acknowledge: everything that the slice caused is durable. Nothing else acknowledges it."""
        self._done()

    def hold(self, note: str) -> None:
        """Hand the slice back, of which nothing was written, before anything else is awaited.

        Nothing of its topic is handed out any more, also after a restart, until the consumer's `release`,
        which gives the note back: a line of at most 1,000 characters.
        """
        self.handed_back = True
        self._hold(note)

    def __len__(self) -> int:
        return len(self.records)

    def __repr__(self) -> str:
        return f"Slice({self.topic}/{self.partition}/{self.first}..{self.last})"
