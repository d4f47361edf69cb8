"""Reads ranges of logs, in whole fetch batches, outside of any consumer group."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import NamedTuple

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.engine.broker_clock import clock_difference
from app.engine.config import ReaderConfig
from app.engine.record_batches.fetch_budget import FetchBudget
from app.engine.record_batches.fetched_records import bound_fetches
from app.engine.tables.findings import LogRecord
from app.engine.tables.write_ledger import LogPartition

_CLOSE_SECONDS = 1.0


class LogBatch(NamedTuple):
    """Records of a log in their order, which were written with one producer id."""

    log: LogPartition
    records: Sequence[LogRecord]
    producer: int


class ReadSession:
    """One connection. Several ranges may be read one after the other."""

    def __init__(self, consumer: AIOKafkaConsumer, config: ReaderConfig) -> None:
        self._consumer = consumer
        self._config = config

    async def ends(self, logs: Iterable[LogPartition]) -> dict[LogPartition, int]:
        """Returns the offset after the last record of each log at this moment: the high watermark, or for a
        `read_committed` reader the last stable offset. Raises KafkaError."""
        partitions = [TopicPartition(*log) for log in logs]
        # perf: saves 0.1 s for each topic: aiokafka waits so long if it is asked for offsets of a topic that
        # it does not know; plain form: leave out this loop.
        for topic in {partition.topic for partition in partitions}:
            await self._consumer._client.add_topic(topic)
        ends = await self._consumer.end_offsets(partitions)
        return {LogPartition(*partition): end for partition, end in ends.items()}

    async def beginnings(self, logs: Iterable[LogPartition]) -> dict[LogPartition, int]:
        """Returns the offset of the first record that each log still has. Raises KafkaError."""
        partitions = [TopicPartition(*log) for log in logs]
        found = await self._consumer.beginning_offsets(partitions)
        return {LogPartition(*partition): first for partition, first in found.items()}

    async def offsets_at(self, logs: Iterable[LogPartition], time_ms: int) -> dict[LogPartition, int | None]:
        """Returns the offset of the first record of each log that is stamped with this time or a later one,
        in milliseconds since 1970; None if there is no such record. Raises KafkaError."""
        found = await self._consumer.offsets_for_times({TopicPartition(*log): time_ms for log in logs})
        return {LogPartition(*each): at and at.offset for each, at in found.items()}

    async def read(self, ranges: Mapping[LogPartition, tuple[int, int]]) -> AsyncGenerator[LogBatch, None]:
        """Yields the records of each range (first offset, end offset) in log order, a batch at a time. The
        ranges are read side by side.

        A range may begin before the log does. Compaction may have removed any of its offsets. Raises
        KafkaError.
        """
        consumer = self._consumer
        starts = await consumer.beginning_offsets([TopicPartition(*log) for log in ranges])
        left = {
            TopicPartition(*log): end
            for log, (first, end) in ranges.items()
            if max(first, starts[TopicPartition(*log)]) < end
        }
        if not left:
            return
        consumer.assign(list(left))
        for partition in left:
            consumer.seek(partition, max(ranges[LogPartition(*partition)][0], starts[partition]))
        while left:
            fetched = await consumer.getmany(
                *left, timeout_ms=self._config.fetch_max_wait_ms, max_records=self._config.records_per_turn
            )
            for partition, taken in fetched.items():
                for producer, records in taken.by_producer():
                    within = records
                    if records[-1].offset >= left[partition]:
                        within = [record for record in records if record.offset < left[partition]]
                    if within:
                        yield LogBatch(LogPartition(*partition), within, producer)
            # aiokafka answers without a pause as long as it has fetched records.
            await asyncio.sleep(0)
            for partition in list(left):
                # The position also moves past offsets that compaction has removed; the records do not show
                # those.
                if await consumer.position(partition) >= left[partition]:
                    del left[partition]
                    consumer.pause(partition)

    async def partitions_of(self, topic: str) -> frozenset[int]:
        """Returns the numbers of a topic's partitions; none if there is no such topic, or no right to see
        it."""
        await self._consumer._client.add_topic(topic)
        return frozenset(self._consumer.partitions_for_topic(topic) or ())

    async def next_stamp(self, log: LogPartition, first: int, end: int) -> int | None:
        """Returns the timestamp of the first record of a range in milliseconds since 1970, negative if it has
        none; None if there is no record. Raises KafkaError."""
        async with aclosing(self.read({log: (first, end)})) as batches:
            async for batch in batches:
                return batch.records[0].timestamp
        return None

    async def oldest_stamp(self, topic: str) -> int | None:
        """Returns the timestamp of the oldest record of a topic in milliseconds since 1970; None if there is
        no record with a timestamp. It needs no right to read the topic. Raises KafkaError."""
        asked = {TopicPartition(topic, number): 0 for number in await self.partitions_of(topic)}
        found = await self._consumer.offsets_for_times(asked)
        return min((each.timestamp for each in found.values() if each is not None), default=None)

    async def clock_difference(self, wall: Callable[[], float]) -> float | None:
        """Returns by how many seconds this machine's clock `wall` is ahead of that of the brokers; None if
        they do not tell."""
        return await clock_difference(self._consumer._client, wall)


class LogReader:
    """Opens read sessions. Each session has a connection of its own, so no restore depends on a connection
    that was idle for hours or has survived an outage."""

    def __init__(self, config: ReaderConfig) -> None:
        self._config = config
        self._closing: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ReadSession]:
        """Opens a session and closes it at the end of the block. Raises KafkaError if no broker answers."""
        config = self._config
        consumer = AIOKafkaConsumer(
            bootstrap_servers=config.bootstrap_servers,
            **config.security.options(),
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level=config.isolation_level,
            max_partition_fetch_bytes=config.max_partition_fetch_bytes,
            fetch_max_bytes=config.fetch_max_bytes,
            fetch_max_wait_ms=config.fetch_max_wait_ms,
        )
        await self._start(consumer)
        try:
            bound_fetches(consumer, FetchBudget(config.bytes_per_turn, config.bytes_per_turn))
            yield ReadSession(consumer, config)
        finally:
            await consumer.stop()

    async def _start(self, consumer: AIOKafkaConsumer) -> None:
        """Starts the consumer. If it is cancelled, the start is not: aiokafka would leave a connection open.
        The consumer is then closed when it has started, and that is waited for if it is soon."""
        starting = asyncio.create_task(consumer.start())
        try:
            await asyncio.shield(starting)
        except BaseException:
            closing = asyncio.create_task(_close_when_started(consumer, starting))
            self._closing.add(closing)
            closing.add_done_callback(self._closing.discard)
            await asyncio.wait({closing}, timeout=_CLOSE_SECONDS)
            raise


async def _close_when_started(consumer: AIOKafkaConsumer, starting: asyncio.Task[None]) -> None:
    await asyncio.wait({starting})
    await consumer.stop()
