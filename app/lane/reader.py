"""Reads ranges of the changelogs, in whole fetch batches, outside of any consumer group."""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from app.lane.bare_records import BareRecords
from app.lane.findings import LogRecord
from app.lane.ledger import LogPartition


@dataclass(frozen=True, slots=True, kw_only=True)
class ReaderConfig:
    """Sizes are bytes, times milliseconds."""

    bootstrap_servers: str
    # Whole fetch batches (lane.md, section 3); a turn of this many records holds the loop for about 50 ms.
    max_partition_fetch_bytes: int = 4 * 1024 * 1024
    fetch_max_bytes: int = 32 * 1024 * 1024
    records_per_turn: int = 20_000
    fetch_max_wait_ms: int = 100
    # Further options of aiokafka's client: security_protocol, ssl_context, sasl_*, client_id.
    client: Mapping[str, Any] = field(default_factory=dict)


class ReadSession:
    """One connection; several ranges may be read one after the other."""

    def __init__(self, consumer: AIOKafkaConsumer, config: ReaderConfig) -> None:
        self._consumer = consumer
        self._config = config

    async def ends(self, logs: Iterable[LogPartition]) -> dict[LogPartition, int]:
        """The offset after the last record of each log, as of now: the high watermark, as the reader is
        not `read_committed`."""
        places = [TopicPartition(*log) for log in logs]
        # Asked for offsets of a topic that it has not met, aiokafka backs off for 0.1 s: once for each.
        for topic in {place.topic for place in places}:
            await self._consumer._client.add_topic(topic)
        ends = await self._consumer.end_offsets(places)
        return {LogPartition(*place): end for place, end in ends.items()}

    async def read(
        self, ranges: Mapping[LogPartition, tuple[int, int]]
    ) -> AsyncIterator[tuple[LogPartition, Sequence[LogRecord]]]:
        """Yields the records of each range (first offset, end offset) in log order, a batch at a time.

        A range may start before the log does. Offsets that compaction removed are just not there."""
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
        for place in left:
            consumer.seek(place, max(ranges[LogPartition(*place)][0], starts[place]))
        while left:
            fetched = await consumer.getmany(
                *left, timeout_ms=self._config.fetch_max_wait_ms, max_records=self._config.records_per_turn
            )
            for place, records in fetched.items():
                within = records
                if records[-1].offset >= left[place]:
                    within = [record for record in records if record.offset < left[place]]
                if within:
                    yield LogPartition(*place), within
            for place in list(left):
                # The position also passes what compaction left empty, which no record would tell.
                if await consumer.position(place) >= left[place]:
                    del left[place]
                    consumer.pause(place)


class ChangelogReader:
    """Opens read sessions. A session holds its own connection: one that was idle for hours, or through
    an outage, is never the one that a recovery depends on."""

    def __init__(self, config: ReaderConfig) -> None:
        self._config = config

    @asynccontextmanager
    async def session(self) -> AsyncIterator[ReadSession]:
        """Raises aiokafka's KafkaError where no broker answers."""
        config = self._config
        consumer = AIOKafkaConsumer(
            bootstrap_servers=config.bootstrap_servers,
            group_id=None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_partition_fetch_bytes=config.max_partition_fetch_bytes,
            fetch_max_bytes=config.fetch_max_bytes,
            fetch_max_wait_ms=config.fetch_max_wait_ms,
            **config.client,
        )
        try:
            await consumer.start()
            consumer._fetcher._records = BareRecords()
            yield ReadSession(consumer, config)
        finally:
            await consumer.stop()
