"""Reads the batches of a fetch so that no batch ends the process, and none takes much memory at once.

aiokafka's compiled decoder reads nearly everything. Here each batch is opened (`open_batches.py`) so that the
rest is read as well, which the decoder refuses, or returns in a form that no other code expects:

- Any producer can send a header name that is not UTF-8. The decoder would raise an error, so aiokafka's
  decoder in Python reads such a batch instead (`lenient_decoder.py`), and the bytes of a header name that are
  not UTF-8 become U+FFFD.
- Records of Kafka's first message format have no timestamp, and the decoder returns None for it. Here such a
  record gets -1, which means "no timestamp" in every later format.
- A batch that inflates to more than `LARGEST_BATCH`, and a record with more than `MOST_HEADERS` headers, is
  not read. In place of each of its records stands an `UnreadRecord`.

`aiokafka_patches.py` puts `LenientRecords` in the place of aiokafka's class.
"""

from collections.abc import Iterator
from typing import Any

from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from app.engine.record_batches.inflation import LARGEST_BATCH, USUAL_BATCH, Bytes, TooLarge, inflate
from app.engine.record_batches.message_format import (
    ATTRIBUTES,
    CODEC,
    FORMAT_V2,
    INT32,
    LENGTH,
    LENGTH_ENDS,
    MAGIC,
    RECORDS,
)
from app.engine.record_batches.open_batches import (
    AT_ONCE,
    LargeBatch,
    LegacyBatch,
    OpenBatch,
    UnreadBatch,
    UsualBatch,
)


class LenientRecords:
    """The batches of one answer for one partition, in place of aiokafka's `MemoryRecords`."""

    def __init__(self, data: bytes) -> None:
        self._data = memoryview(data)
        self._at = 0
        self._records = MemoryRecords(data)
        self.has_next = self._records.has_next
        self.size_in_bytes = self._records.size_in_bytes

    def next_batch(self) -> "FetchedBatch":
        """Returns the next batch; called only if `has_next` is true."""
        batch, start = self._records.next_batch(), self._at
        (length,) = INT32.unpack_from(self._data, start + LENGTH)
        self._at = start + LENGTH_ENDS + length
        return FetchedBatch(batch, self._data[start : self._at])


class FetchedBatch:
    """A batch as aiokafka's compiled decoder reads its header, and its bytes."""

    def __init__(self, batch: Any, data: memoryview) -> None:
        self._batch = batch
        self._data = data
        self._unusual = len(data) > USUAL_BATCH
        self.is_control_batch: bool = batch.is_control_batch

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def __next__(self) -> Any:
        return next(self._batch)

    def validate_crc(self) -> bool:
        """Returns whether the bytes are those of the checksum."""
        return bool(self._batch.validate_crc())

    def __iter__(self) -> Iterator[Any]:
        opened = self.open()
        while records := opened.take(AT_ONCE)[0]:
            yield from records

    def open(self, position: int = 0, largest: int = LARGEST_BATCH) -> OpenBatch:
        """Returns the batch opened for its records. Raises TooLarge if it inflates to more than `largest`
        bytes, unless that is LARGEST_BATCH.

        The records of a batch that is not read begin at the offset `position`. Raises CorruptRecordException.
        """
        if self._data[MAGIC] < FORMAT_V2:
            return LegacyBatch(self._batch)
        codec = self._data[ATTRIBUTES] & CODEC
        if not codec and not self._unusual:
            return UsualBatch(self._batch, self._data)
        records: Bytes = self._data[RECORDS:]
        head = bytearray(self._data[:RECORDS])
        head[ATTRIBUTES] &= ~CODEC
        if not self._unusual:
            try:
                plain = b"".join((head, inflate(codec, records, USUAL_BATCH)))
                return UsualBatch(DefaultRecordBatch(plain), plain)
            except TooLarge:
                # It may be opened again, and what is known now is not found out a second time.
                self._unusual = True
        if largest == USUAL_BATCH:
            raise TooLarge
        try:
            return LargeBatch(inflate(codec, records) if codec else records, head)
        except TooLarge:
            return UnreadBatch(max(position, self.base_offset), self.next_offset, self.max_timestamp)
