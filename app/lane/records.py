"""Reading what aiokafka's compiled decoder refuses, or gives in a form that nobody expects.

Any producer can send a header name that is not UTF-8, and the decoder's UnicodeDecodeError would end every
worker that fetches it, again after each restart. Such a batch is read once more by aiokafka's decoder in
Python, with the bytes of its header names replaced (U+FFFD) where they are none.

Records of Kafka's first message format have no timestamp at all, for which the decoder gives None. Here they
get the -1 that every later format has for it.
"""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy

_NO_TIMESTAMP: Final = -1
_CREATE_TIME: Final = 0


def read_leniently() -> None:
    """To be called before a consumer is made. Idempotent."""
    fetcher.MemoryRecords = LenientRecords


class LenientRecords:
    """In place of aiokafka's `MemoryRecords`: the batches of one answer for one partition."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._records = MemoryRecords(data)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> "_Batch":
        return _Batch(self._records.next_batch(), self._data)


class _Batch:
    """A batch of the compiled decoder, and the answer it came in."""

    def __init__(self, batch: Any, data: bytes) -> None:
        self._batch = batch
        self._data = data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def __iter__(self) -> Iterator[Any]:
        try:
            records = list(self._batch)
        except UnicodeDecodeError:
            return self._again()
        if records and records[0].timestamp is None:
            return iter([_with_timestamp(record) for record in records])
        return iter(records)

    def _again(self) -> Iterator[Any]:
        batches = _MemoryRecordsPy(self._data)
        while batches.has_next():
            found = batches._next_slice
            batch = batches.next_batch()
            if batch.base_offset == self._batch.base_offset:
                return iter(_LenientBatch(found))
        raise AssertionError("a batch of the answer is not in the answer")  # pragma: no cover


class _Untimed(NamedTuple):
    """A record of message format v0, with what those of later formats have."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: list[tuple[str, bytes | None]]
    checksum: int | None


def _with_timestamp(record: Any) -> _Untimed:
    return _Untimed(record.offset, _NO_TIMESTAMP, _CREATE_TIME, record.key, record.value, [], record.checksum)


class _LenientBatch(_DefaultRecordBatchPy):
    def __iter__(self) -> Any:
        batch = super().__iter__()
        self._buffer: Any = _LenientBytes(self._buffer)
        return batch


class _LenientBytes(bytearray):
    """Its slices decode whatever they hold."""

    def __getitem__(self, place: Any) -> Any:
        found = super().__getitem__(place)
        return _LenientBytes(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        return super().decode(encoding, "replace" if errors == "strict" else errors)
