"""Reading what aiokafka's compiled decoder refuses: header names that are not UTF-8.

Any producer can send one, and the decoder's UnicodeDecodeError would end every worker that fetches it,
again after each restart. Such a batch is read once more by aiokafka's decoder in Python, with the bytes
of its header names replaced (U+FFFD) where they are none.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords, _MemoryRecordsPy


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
            return iter(list(self._batch))
        except UnicodeDecodeError:
            return self._again()

    def _again(self) -> Iterator[Any]:
        batches = _MemoryRecordsPy(self._data)
        while batches.has_next():
            found = batches._next_slice
            batch = batches.next_batch()
            if batch.base_offset == self._batch.base_offset:
                return iter(_LenientBatch(found))
        raise AssertionError("a batch of the answer is not in the answer")  # pragma: no cover


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
