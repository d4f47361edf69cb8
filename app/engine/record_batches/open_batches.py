"""Takes the records of a batch, a few at a time, and says what they cost in memory.

There is a class for each kind of batch: a usual one, a large one, one that is not read, and one of the old
message formats. `FetchedBatch` (`lenient_records.py`) opens a batch as the right one.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from operator import attrgetter
from typing import Any, Final, NamedTuple, Protocol

from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatch

from app.engine.record_batches.inflation import LARGEST_BATCH, Bytes, TooLarge
from app.engine.record_batches.lenient_decoder import LenientBatch
from app.engine.record_batches.message_format import COUNT, INT32, look_into, varint
from app.engine.slices import HEADER_BYTES

MOST_HEADERS: Final = 10_000
"""A record with more headers is not read: a header is an object of a hundred bytes, and takes two bytes in a
batch."""

RECORD_COST: Final = 300
"""About how much memory the object of a record takes, in bytes, besides its contents."""

_NO_TIMESTAMP: Final = -1
_CREATE_TIME: Final = 0

# A large batch is decoded in parts of so many bytes.
_PART_BYTES: Final = 1 << 20

_headers = attrgetter("headers")


class UnreadRecord(NamedTuple):
    """Stands in place of a record that is not read, because it would take too much memory."""

    offset: int
    timestamp: int
    """That of the newest record of the batch, if the record's own is not known."""
    why: str
    """The limit that the record exceeds."""
    timestamp_type: int = _CREATE_TIME
    key: None = None
    value: None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()
    checksum: None = None


_BATCH_LIMIT: Final = f"its batch: expected at most {LARGEST_BATCH} bytes"
_HEADER_LIMIT: Final = f"its headers: expected at most {MOST_HEADERS}"

Taken = tuple[list[Any], int]
"""Records, and their cost: about how many bytes of memory they take."""


class OpenBatch(Protocol):
    """A batch of which records are taken."""

    @property
    def is_large(self) -> bool:
        """Whether it keeps much memory until all of its records are taken."""

    @property
    def done(self) -> bool:
        """Whether it is known that no records are left."""

    @property
    def cost(self) -> int:
        """How many bytes were inflated to open it, if they were many: they cost time."""

    def take(self, most: int, /) -> Taken:
        """Returns the next records, at most so many; no records at the end."""


AT_ONCE: Final = 256
"""How many records are decoded at once. The cost of their headers is known only afterwards."""


class UsualBatch:
    """A batch that is not compressed, or not any more."""

    is_large = done = False
    cost = 0

    def __init__(self, batch: Any, data: Bytes) -> None:
        # The compiled decoder would begin again after its end, and must not be iterated a second time.
        self._records = islice(batch, None)
        self._data = data
        self._taken = 0
        (count,) = INT32.unpack_from(data, COUNT)
        self._cost = RECORD_COST + len(data) // max(count, 1)

    def take(self, most: int) -> Taken:
        most = min(most, AT_ONCE)
        try:
            records = list(islice(self._records, most))
        except UnicodeDecodeError:
            self._records = islice(LenientBatch(self._data), self._taken, None)
            records = list(islice(self._records, most))
        self.done = len(records) < most
        self._taken += len(records)
        headers = sum(map(len, map(_headers, records)))
        if headers > MOST_HEADERS:
            records = [_without_too_many_headers(record) for record in records]
        return records, len(records) * self._cost + headers * HEADER_BYTES


def _without_too_many_headers(record: Any) -> Any:
    if len(record.headers) <= MOST_HEADERS:
        return record
    return UnreadRecord(record.offset, record.timestamp, _HEADER_LIMIT)


class LargeBatch:
    """The inflated records of a large batch. They are decoded in parts, each as a batch of its own, because a
    record of a few bytes takes hundreds when it is decoded."""

    is_large = True
    done = False

    def __init__(self, records: Bytes, head: bytearray) -> None:
        self.cost = len(records)
        self._records = records
        self._head = head
        self._at = 0

    def take(self, most: int) -> Taken:
        start, count, huge = self._at, 0, False
        while count < min(most, AT_ONCE) and self._at < len(self._records):
            begin, end = self._next_record()
            if end - begin > _PART_BYTES:
                huge = count == 0
                break
            if end - start > _PART_BYTES and count:
                break
            self._at = end
            count += 1
        if huge:
            return self._take_huge()
        if not count:
            return [], 0
        return self._decoded(start, self._at, count)

    def _take_huge(self) -> Taken:
        """Returns a record that is larger than a part. Its headers are counted before it is decoded."""
        start = self._at
        begin, self._at = self._next_record()
        offset_delta, timestamp_delta, headers = look_into(self._records, begin)
        if headers <= MOST_HEADERS:
            return self._decoded(start, self._at, 1)
        header = DefaultRecordBatch(bytes(self._head))
        timestamp = (
            header.max_timestamp if header.timestamp_type else header.first_timestamp + timestamp_delta
        )
        return [UnreadRecord(header.base_offset + offset_delta, timestamp, _HEADER_LIMIT)], RECORD_COST

    def _decoded(self, start: int, end: int, count: int) -> Taken:
        INT32.pack_into(self._head, COUNT, count)
        data = b"".join((self._head, self._records[start:end]))
        return UsualBatch(DefaultRecordBatch(data), data).take(count)

    def _next_record(self) -> tuple[int, int]:
        """Returns where the contents of the next record begin and end."""
        length, begin = varint(self._records, self._at)
        if length < 0 or begin + length > len(self._records):
            raise CorruptRecordException("a record ends after its batch")
        return begin, begin + length


class UnreadBatch:
    """A batch that is not read."""

    is_large = done = False
    cost = LARGEST_BATCH

    def __init__(self, first: int, end: int, timestamp: int) -> None:
        self._offsets = iter(range(first, end))
        self._timestamp = timestamp

    def take(self, most: int) -> Taken:
        records = [
            UnreadRecord(offset, self._timestamp, _BATCH_LIMIT) for offset in islice(self._offsets, most)
        ]
        return records, len(records) * RECORD_COST


class LegacyBatch:
    """A batch of the message formats v0 and v1. If it is too large, only its last offset is known."""

    is_large = done = False
    cost = 0

    def __init__(self, batch: Any) -> None:
        self._records: Iterator[Any] = iter(batch)
        self._last = batch.next_offset - 1

    def take(self, most: int) -> Taken:
        try:
            records = [_with_timestamp(record) for record in islice(self._records, min(most, AT_ONCE))]
        except TooLarge:
            records = [UnreadRecord(self._last, _NO_TIMESTAMP, _BATCH_LIMIT)]
        return records, sum(RECORD_COST + len(each.key or b"") + len(each.value or b"") for each in records)


class _LegacyRecord(NamedTuple):
    """A record of message format v0 or v1, with the attributes that records of later formats have."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    checksum: int | None


def _with_timestamp(record: Any) -> Any:
    if record.timestamp is not None:
        return record
    return _LegacyRecord(
        record.offset, _NO_TIMESTAMP, _CREATE_TIME, record.key, record.value, [], record.checksum
    )
