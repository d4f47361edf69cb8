"""Bounds what one call of `getmany` returns, and what stays in memory between two calls.

aiokafka inflates batch after batch of every partition until it has `max_records` records, however large they
are, and a batch of which records are left stays inflated. Here each partition takes what the client's
`FetchBudget` allows.

`aiokafka_patches.py` puts `FetchResult` in the place of aiokafka's.
"""

import sys
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, UnsupportedCodecError

from app.engine.record_batches.fetch_budget import FetchBudget
from app.engine.record_batches.inflation import TooLarge
from app.engine.record_batches.lenient_records import FetchedBatch
from app.engine.record_batches.open_batches import OpenBatch, Taken

OnRead = Callable[[TopicPartition, int, int], None]
"""Called when aiokafka has read the offsets of a partition from the first number up to the second, and is
about to return the records in them. Some of these offsets, or all, may hold no record."""

NO_PRODUCER: Final = -1
"""The producer id of a batch whose producer had none."""


class TakenRecords(list[Any]):
    """Consecutive records of a partition."""

    size = 0
    """About how many bytes of memory they take, keys and headers included."""

    def __init__(self, records: Iterable[Any] = ()) -> None:
        super().__init__(records)
        self._producers = [(0, NO_PRODUCER)] if self else []
        """The index of the first record of each run with one producer id, and that id."""

    def take(self, records: list[Any], cost: int, producer: int) -> None:
        """Appends records that were written with this producer id."""
        if records and (not self._producers or self._producers[-1][1] != producer):
            self._producers.append((len(self), producer))
        self += records
        self.size += cost

    def by_producer(self) -> Iterator[tuple[int, list[Any]]]:
        """Yields the producer id and the records of each run that was written with one id, in order."""
        ends = [start for start, _ in self._producers[1:]] + [len(self)]
        for (start, producer), end in zip(self._producers, ends, strict=True):
            yield producer, self[start:end] if end - start < len(self) else self


class AnswerReader:
    """Takes the records of one answer for one partition."""

    def __init__(self, answer: fetcher.PartitionRecords) -> None:
        # It refers to the answer, so all of it would stay in memory until the next garbage collection.
        answer._records_iterator = None
        self.exhausted = False
        self._answer = answer
        self._batch: FetchedBatch | None = None
        self._open: OpenBatch | None = None

    @property
    def has_large(self) -> bool:
        """Whether a large batch is in memory."""
        return self._open is not None and self._open.is_large

    def take(self, most: int, budget: FetchBudget) -> TakenRecords:
        """Returns the next records, at most so many. There may be none although the answer is not exhausted.

        Raises CorruptRecordException if the next batch is corrupt, or if nobody knows its compression. The
        answer is then exhausted, so the batch is fetched again.
        """
        found = TakenRecords()
        if self.exhausted:
            # A corrupt batch must not be passed over, so nothing is taken of what comes after it.
            return found
        try:
            # perf: takes the records of a batch in groups, which saves the steps of two generators for each
            # record; plain form: aiokafka's own _unpack_records.
            while len(found) < most and budget.has_left(found.size) and self._has_open(budget):
                producer = self._producer()
                records, cost = self._take_some(most - len(found))
                found.take(records, cost, producer)
                budget.left -= cost
        except (CorruptRecordException, UnsupportedCodecError) as error:
            self.exhausted = True
            if not found:
                raise CorruptRecordException(str(error)) from None
            # The position is then that of the corrupt batch, and the next answer begins with it.
        return found

    def _has_open(self, budget: FetchBudget) -> bool:
        """Returns whether a batch is open. None is at the end, and if the next one has to wait."""
        if self._open is not None:
            return True
        if self._batch is None:
            self._batch = self._next_batch()
        if self._batch is None:
            self.exhausted = True
            return False
        try:
            self._open = self._batch.open(self._answer.next_fetch_offset, budget.largest_of(self))
        except TooLarge:
            budget.refused(self)
            return False
        budget.left -= self._open.cost
        if self._open.is_large:
            budget.took(self)
        return True

    def _producer(self) -> int:
        """Returns the producer id of the batch that is open; NO_PRODUCER if it was written without one."""
        assert self._batch is not None, "a batch is open"
        # Batches before message format v2 have none.
        producer: int | None = self._batch.producer_id
        return NO_PRODUCER if producer is None else producer

    def _take_some(self, most: int) -> Taken:
        assert self._open is not None, "a batch is open"
        assert self._batch is not None, "a batch is open"
        answer = self._answer
        records, cost = self._open.take(most)
        ended = not records or self._open.done
        if records and records[0].offset < answer.next_fetch_offset:
            records = [record for record in records if record.offset >= answer.next_fetch_offset]
        if ended:
            # The last records of the batch may be missing, because they were compacted.
            answer.next_fetch_offset = self._batch.next_offset
            self._open = self._batch = None
        elif records:
            answer.next_fetch_offset = records[-1].offset + 1
        return records, cost

    def _next_batch(self) -> FetchedBatch | None:
        """Returns the next batch that has records for us, as aiokafka's `_unpack_records` finds it."""
        answer = self._answer
        while answer._records.has_next():
            batch: FetchedBatch = answer._records.next_batch()
            if answer._check_crcs and not batch.validate_crc():
                raise CorruptRecordException(f"Invalid CRC - {answer._tp}")
            if not self._is_aborted(batch) and not batch.is_control_batch:
                return batch
            answer.next_fetch_offset = batch.next_offset
        return None

    def _is_aborted(self, batch: FetchedBatch) -> bool:
        """Returns whether a batch belongs to an aborted transaction. Of a control batch it is noted whether
        it ends one."""
        answer = self._answer
        if answer._isolation_level != fetcher.READ_COMMITTED or batch.producer_id is None:
            return False
        answer._consume_aborted_up_to(batch.base_offset)
        if batch.is_control_batch and answer._contains_abort_marker(batch):
            answer._aborted_producers.discard(batch.producer_id)
        return batch.is_transactional and batch.producer_id in answer._aborted_producers


class FetchResult(fetcher.FetchResult):
    """An answer for one partition, until all of its records are taken."""

    _partition_records: Any

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.reader = AnswerReader(self._partition_records)
        self.budget: FetchBudget | None = None
        """That of the client, if there is one. The decoder's own records are then returned."""
        self.on_read: OnRead | None = None

    def getall(self, max_records: int | None = None) -> list[Any]:
        """Returns the next records, at most so many. There may be none although more are left."""
        if not self.has_more() or not self.check_assignment(self._topic_partition):
            return []
        answer = self._partition_records
        records = self.reader.take(max_records or sys.maxsize, self.budget or FetchBudget())
        self._update_position()
        if self.reader.exhausted:
            self._partition_records = None
        if self.budget is None:
            return [answer._consumer_record(answer._tp, record) for record in records]
        return records

    def _update_position(self) -> None:
        """Moves the position past what was read, and says so. A seek, a reset and a new assignment move it
        elsewhere, so a range that is noted here was read from its first offset to its last."""
        state = self._assignment.state_value(self._topic_partition)
        first = state.position
        super()._update_position()
        if self.on_read is not None:
            self.on_read(self._topic_partition, first, state.position)

    def getone(self) -> Any:
        """Returns the next record, or None if the answer is exhausted."""
        while self.has_more():
            for record in self.getall(1):
                return record
        return None


def bound_fetches(consumer: AIOKafkaConsumer, budget: FetchBudget, on_read: OnRead | None = None) -> None:
    """Makes the `getmany` of a started consumer return the decoder's own records, as TakenRecords, with one
    budget for all of its partitions. `on_read` is told what was read.

    The records have every attribute that `Record` names, and no others that are promised.
    """
    # perf: saves building a ConsumerRecord of each record, which took 17 % of a worker's samples and more
    # than the rest of a restore; plain form: call `_consumer_record` for each.
    consumer._fetcher._records = _Answers(budget, on_read)


class _Answers(OrderedDict[Any, Any]):
    """The mapping in which aiokafka's fetcher keeps its answers until `getmany` asks for them."""

    def __init__(self, budget: FetchBudget, on_read: OnRead | None = None) -> None:
        super().__init__()
        self._budget = budget
        self._on_read = on_read

    def __setitem__(self, partition: Any, answer: Any) -> None:
        if isinstance(answer, FetchResult):
            answer.budget = self._budget
            answer.on_read = self._on_read
        super().__setitem__(partition, answer)

    def keys(self) -> Any:
        """Returns the partitions in the order in which they are asked. aiokafka calls it when a turn begins.

        The partition that was first in the last turn is the last now, because it may have used all of it.
        """
        self._budget.begin_turn()
        if self:
            self.move_to_end(next(iter(self)))
        return super().keys()
