"""The batches of one destination topic that one flush round carries.

The only file that knows aiokafka's batch builder: it takes any first record whatever its size, and
after that says no when it is full.
"""

from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder

Headers = Sequence[tuple[str, bytes | None]]
Wave = list[tuple[int, BatchBuilder]]
"""Batches that are on the wire at the same time, each with its partition."""

# What aiokafka's compiled builder takes: a list, nothing else.
_Head = list[tuple[str, bytes | None]]
_NO_HEADERS: Final[_Head] = []
_LONG_KEY_BYTES: Final = 1_000
# More than the headers of a batch and of a record together.
_OVERHEAD_BYTES: Final = 200


class RecordTooLarge(ValueError):
    """No batch can carry this record, and nothing was appended. The text names the topic and sizes."""


class RoundBatches:
    """Batches that fill up, in append order for every partition, until the round is sent."""

    def __init__(self, topic: str, new_batch: Callable[[], BatchBuilder], largest_batch_bytes: int) -> None:
        self.records = 0
        self._topic = topic
        self._new_batch = new_batch
        self._largest = largest_batch_bytes
        # A record without headers whose value is below this fits for certain: spares the exact count.
        self._surely_fits = largest_batch_bytes - _LONG_KEY_BYTES - _OVERHEAD_BYTES
        self._filling: dict[int, BatchBuilder] = {}
        self._queues: dict[int, deque[BatchBuilder]] = {}

    def append(
        self,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        timestamp: int | None,
    ) -> None:
        """Raises RecordTooLarge for a record that is too large for a batch of its own."""
        head = _NO_HEADERS
        if headers or (value and len(value) > self._surely_fits) or (key and len(key) > _LONG_KEY_BYTES):
            head = list(headers)
            self._refuse_too_large(key, value, head)
        batch = self._filling.get(partition)
        if batch is None or not _append(batch, timestamp, key, value, head):
            batch = self._filling[partition] = self._new_batch()
            self._queues.setdefault(partition, deque()).append(batch)
            _append(batch, timestamp, key, value, head)
        self.records += 1

    def next_wave(self, limit: int) -> Wave:
        """Takes what may be on the wire at once: of each partition its oldest batch only, and not more
        than `limit` bytes (but at least one batch). Empty when the round is done."""
        wave: Wave = []
        size = 0
        for partition, queue in list(self._queues.items()):
            size += queue[0].size()
            if wave and size > limit:
                break
            wave.append((partition, queue.popleft()))
            if not queue:
                del self._queues[partition]
        return wave

    def _refuse_too_large(self, key: bytes | None, value: bytes | None, head: _Head) -> None:
        # Never too low, and too high by some 20 bytes; with the header of the batch.
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, head)
        if size > self._largest:
            raise RecordTooLarge(f"{size} bytes for {self._topic}, the largest batch is {self._largest}")


def _append(
    batch: BatchBuilder, timestamp: int | None, key: bytes | None, value: bytes | None, head: _Head
) -> bool:
    """`batch.append()` without its serializers and checks, which cost as much as the rest; False if full."""
    count = batch._relative_offset
    if batch._builder.append(count, timestamp, key, value, head) is None:
        return False
    batch._relative_offset = count + 1
    return True
