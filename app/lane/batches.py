"""The batches of one destination topic that one flush round carries.

The only file that knows aiokafka's batch builder: it takes any first record whatever its size, and
after that says no when it is full.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from app.lane.refusals import Headers, NoAnswer, OnRefused, Refusal, Written

# What aiokafka's compiled builder takes: a list, nothing else.
_Head = list[tuple[str, bytes | None]]
_NO_HEADERS: Final[_Head] = []
_LONG_KEY_BYTES: Final = 1_000
# More than the headers of a batch and of a record together.
_OVERHEAD_BYTES: Final = 200


class RecordTooLarge(ValueError):
    """No batch can carry this record, and nothing was appended. The text names the topic and sizes."""


class Batch:
    """Records of one partition that are sent together, and what to do if the broker refuses one."""

    __slots__ = ("_last", "_owners", "again", "builder")

    def __init__(self, builder: BatchBuilder, *, again: bool = False) -> None:
        self.builder = builder
        self.again = again
        """Whether it holds what a broker has refused, with new timestamps and checksum."""
        self._owners: list[tuple[int, OnRefused | None]] = []
        """From which record on each handler holds: an agent gives the same one for its whole slice."""
        self._last: OnRefused | None = None

    def append(
        self, key: bytes | None, value: bytes | None, head: _Head, on_refused: OnRefused | None
    ) -> bool:
        """`builder.append()` without its serializers and checks, which cost as much as the rest; False if
        the batch is full. The record is stamped with the time of this call."""
        builder = self.builder
        count = builder._relative_offset
        if builder._builder.append(count, None, key, value, head) is None:
            return False
        builder._relative_offset = count + 1
        if on_refused is not self._last:
            self._owners.append((count, on_refused))
            self._last = on_refused
        return True

    def size(self) -> int:
        """In bytes; after it was sent, as it was compressed."""
        return self.builder.size()  # type: ignore[no-any-return]

    def record_count(self) -> int:
        return self.builder.record_count()  # type: ignore[no-any-return]

    def records(self) -> Iterator[tuple[Written, OnRefused | None]]:
        """What a batch that was sent holds, in order: read from its bytes, so that nothing has to be kept
        of the many batches that no broker refuses."""
        owners = deque(self._owners)
        owner: OnRefused | None = None
        for index, record in enumerate(MemoryRecords(bytes(self.builder._build())).next_batch()):
            if owners and owners[0][0] == index:
                owner = owners.popleft()[1]
            yield Written(record.key, record.value, record.headers), owner


Wave = list[tuple[int, Batch]]
"""Batches that are on the wire at the same time, each with its partition."""


class RoundBatches:
    """Batches that fill up, in append order for every partition, until the round is sent."""

    def __init__(self, topic: str, new_batch: Callable[[], BatchBuilder], largest_batch_bytes: int) -> None:
        self.records = 0
        self._topic = topic
        self._new_batch = new_batch
        self._largest = largest_batch_bytes
        # A record without headers whose value is below this fits for certain: spares the exact count.
        self._surely_fits = largest_batch_bytes - _LONG_KEY_BYTES - _OVERHEAD_BYTES
        self._filling: dict[int, Batch] = {}
        self._queues: dict[int, deque[Batch]] = {}

    def append(
        self,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        headers: Headers,
        on_refused: OnRefused | None = None,
    ) -> None:
        """Raises RecordTooLarge for a record that is too large for a batch of its own."""
        head = _NO_HEADERS
        if headers or (value and len(value) > self._surely_fits) or (key and len(key) > _LONG_KEY_BYTES):
            head = list(headers)
            self._refuse_too_large(key, value, head)
        batch = self._filling.get(partition)
        if batch is None or not batch.append(key, value, head, on_refused):
            batch = self._filling[partition] = Batch(self._new_batch())
            self._queues.setdefault(partition, deque()).append(batch)
            batch.append(key, value, head, on_refused)
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


def instead_of(batch: Batch, refusal: Refusal, new_batch: Callable[[], BatchBuilder]) -> list[Batch]:
    """What is sent in place of a batch that a broker refused, in this order.

    Raises NoAnswer if nothing can be written in the place of a record that is alone in its batch.
    """
    records = list(batch.records())
    if refusal in (Refusal.STAMP, Refusal.CORRUPT) and not batch.again:
        return _batches(records, new_batch, again=True)
    if refusal is Refusal.STAMP:
        # All records have the time at which they were appended, and an outage of the brokers may have been
        # longer than the topic allows. If it does not take the present either, no record has a chance.
        raise NoAnswer
    if len(records) > 1:
        half = len(records) // 2
        parts = (records[:half], records[half:])
        return [each for part in parts for each in _batches(part, new_batch, again=batch.again)]
    ((record, on_refused),) = records
    if on_refused is None:
        raise NoAnswer
    instead = on_refused(record, refusal)
    return [] if instead is None else _batches([(instead, on_refused)], new_batch, again=False)


def _batches(
    records: Iterable[tuple[Written, OnRefused | None]], new_batch: Callable[[], BatchBuilder], *, again: bool
) -> list[Batch]:
    """The records, stamped with the time of this call, in as few batches as hold them."""
    batches: list[Batch] = []
    for (key, value, headers), on_refused in records:
        head = list(headers)
        if not batches or not batches[-1].append(key, value, head, on_refused):
            batches.append(Batch(new_batch(), again=again))
            batches[-1].append(key, value, head, on_refused)
    return batches
