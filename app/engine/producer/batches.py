"""The batches of one destination topic that one flush round sends.

No other file knows aiokafka's batch builder. The builder accepts its first record whatever the size of that
record is, and any other record only if it still fits.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator

from aiokafka.producer.message_accumulator import BatchBuilder
from aiokafka.record.default_records import DefaultRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords

from app.engine.producer.refusals import Headers, NoAnswer, OnRefused, Refusal, Written

# aiokafka's compiled builder accepts headers as a list only.
_HeaderList = list[tuple[str, bytes | None]]


class RecordTooLarge(ValueError):
    """The record is too large for any batch, and nothing was appended. The text names the topic and the
    sizes."""


class Batch:
    """Records of one partition that are sent together, and what to do if the broker refuses one."""

    __slots__ = ("_last", "_owners", "again", "builder")

    def __init__(self, builder: BatchBuilder, *, again: bool = False) -> None:
        self.builder = builder
        self.again = again
        """Whether the batch holds records that a broker has refused, with new timestamps and a new
        checksum."""
        self._owners: list[tuple[int, OnRefused | None]] = []
        """The handlers of refused records, each with the index of its first record. An agent passes the same
        handler for its whole slice, so the list is short."""
        self._last: OnRefused | None = None

    def append(
        self, key: bytes | None, value: bytes | None, headers: _HeaderList, on_refused: OnRefused | None
    ) -> bool:
        """Returns whether the record was appended. It was not if the batch is full.

        The record's timestamp is the time of this call.
        """
        # perf: saves the serializers and checks of BatchBuilder.append, which cost as much as the rest of it;
        # plain form: return builder.append(timestamp=None, key=key, value=value, headers=headers) is not None
        builder = self.builder
        count = builder._relative_offset
        if builder._builder.append(count, None, key, value, headers) is None:
            return False
        builder._relative_offset = count + 1
        if on_refused is not self._last:
            self._owners.append((count, on_refused))
            self._last = on_refused
        return True

    def size(self) -> int:
        """Returns the size in bytes; after the batch was sent, its compressed size."""
        return self.builder.size()  # type: ignore[no-any-return]

    def record_count(self) -> int:
        """Returns the number of records."""
        return self.builder.record_count()  # type: ignore[no-any-return]

    def records(self) -> Iterator[tuple[Written, OnRefused | None]]:
        """Yields the records of a batch that was sent, in order, each with its handler.

        They are read from the bytes of the batch. So nothing is kept of the many batches that no broker
        refuses.
        """
        owners = deque(self._owners)
        owner: OnRefused | None = None
        for index, record in enumerate(MemoryRecords(bytes(self.builder._build())).next_batch()):
            if owners and owners[0][0] == index:
                owner = owners.popleft()[1]
            yield Written(record.key, record.value, record.headers), owner


RequestGroup = list[tuple[int, Batch]]
"""Batches that are sent at the same time, each with its partition."""


class FlushBatches:
    """The batches of a flush round. They are filled until the round is sent, and keep the order of each
    partition."""

    def __init__(self, topic: str, new_batch: Callable[[], BatchBuilder], largest_batch_bytes: int) -> None:
        self.records = 0
        self._topic = topic
        self._new_batch = new_batch
        self._largest = largest_batch_bytes
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
        """Appends a record. Raises RecordTooLarge if it is too large for a batch of its own."""
        header_list = headers if isinstance(headers, list) else list(headers)
        batch = self._filling.get(partition)
        # A batch takes its first record whatever its size, and no other one beyond its own. So only a first
        # record can be too large.
        if batch is None or not batch.append(key, value, header_list, on_refused):
            self._refuse_too_large(key, value, header_list)
            batch = self._filling[partition] = Batch(self._new_batch())
            self._queues.setdefault(partition, deque()).append(batch)
            batch.append(key, value, header_list, on_refused)
        self.records += 1

    def size(self) -> int:
        """Returns the bytes of the batches that are not sent yet."""
        return sum(batch.size() for queue in self._queues.values() for batch in queue)

    def next_request_group(self, limit: int) -> RequestGroup:
        """Returns the batches that may be sent at once, and removes them from the round. It returns an empty
        list when nothing is left of the round.

        They are the oldest batch of each partition, and have at most `limit` bytes together. A single batch
        may be larger.
        """
        request_group: RequestGroup = []
        size = 0
        for partition, queue in list(self._queues.items()):
            size += queue[0].size()
            if request_group and size > limit:
                break
            request_group.append((partition, queue.popleft()))
            if not queue:
                del self._queues[partition]
        return request_group

    def _refuse_too_large(self, key: bytes | None, value: bytes | None, headers: _HeaderList) -> None:
        # The estimate includes the header of the batch. It is never too low, and too high by some 20 bytes.
        size = DefaultRecordBatchBuilder.estimate_size_in_bytes(key, value, headers)
        if size > self._largest:
            raise RecordTooLarge(
                f"a record for {self._topic} needs {size} bytes, the largest batch has {self._largest}"
            )


def instead_of(batch: Batch, refusal: Refusal, new_batch: Callable[[], BatchBuilder]) -> list[Batch]:
    """Returns the batches to send in place of a batch that a broker refused, in this order.

    Raises NoAnswer if the batch has one record, and nothing can be written in place of it.
    """
    records = list(batch.records())
    if refusal in (Refusal.STAMP, Refusal.CORRUPT) and not batch.again:
        return _batches(records, new_batch, again=True)
    if refusal is Refusal.STAMP:
        # A record has the time at which it was appended, and an outage may have been longer than the topic
        # allows. The second time it has the present time. If the topic refuses that, it refuses every record.
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
    """Returns the records in as few batches as possible. Their timestamp is the time of this call."""
    batches: list[Batch] = []
    for (key, value, headers), on_refused in records:
        header_list = list(headers)
        if not batches or not batches[-1].append(key, value, header_list, on_refused):
            batches.append(Batch(new_batch(), again=again))
            batches[-1].append(key, value, header_list, on_refused)
    return batches
