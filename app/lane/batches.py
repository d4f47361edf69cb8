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


class RecordTooLarge(ValueError):
    """No batch can carry this record, and nothing was appended. The text names the topic and sizes."""


class RoundBatches:
    """Batches that fill up, in append order for every partition, until the round is sent."""

    def __init__(self, topic: str, new_batch: Callable[[], BatchBuilder], largest_batch_bytes: int) -> None:
        self.records = 0
        self._topic = topic
        self._new_batch = new_batch
        self._largest = largest_batch_bytes
        # A record without headers and below this cannot come near the limit: spares the exact count.
        self._surely_fits = largest_batch_bytes // 2
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
        if headers or len(value or b"") + len(key or b"") > self._surely_fits:
            head = list(headers)
            self._refuse_too_large(key, value, head)
        batch = self._filling.get(partition)
        if batch is None or batch.append(timestamp=timestamp, key=key, value=value, headers=head) is None:
            batch = self._filling[partition] = self._new_batch()
            self._queues.setdefault(partition, deque()).append(batch)
            batch.append(timestamp=timestamp, key=key, value=value, headers=head)
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
