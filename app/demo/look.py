"""Reads back everything that the worker wrote, and its metrics."""

import asyncio
import json
from collections.abc import Callable, Sequence
from typing import Any, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.structs import ConsumerRecord
from msgspec import Struct
from prometheus_client.parser import text_string_to_metric_families

from app.connection import connection_options
from app.dead_letters import CONNECT_ERRORS
from app.demo.waiting import POLL_SECONDS, Deadline
from app.settings import Settings


class DeadLetter(Struct, frozen=True):
    """A dead letter. `origin`: the position of its record, `topic/partition/offset`."""

    origin: str
    vendor: str
    reason: str
    detail: str
    key: str
    value: bytes | None


class Sample(Struct, frozen=True):
    name: str
    labels: dict[str, str]
    value: float


class Position(Struct, frozen=True):
    """The committed offsets and the end offsets of a topic, each summed over all partitions."""

    committed: int
    end: int


class Seen(Struct):
    """Everything that can be read after the worker has handled all records. `users` and `loyalty`: the last
    value of each key, None for a tombstone."""

    samples: list[Sample]
    events: list[dict[str, Any]]
    dead_letters: list[DeadLetter]
    users: dict[str, dict[str, Any] | None]
    loyalty: dict[str, dict[str, Any] | None]
    positions: dict[str, Position]

    def total(self, name: str, **labels: str) -> int:
        """Returns the sum of all series of a counter that have these labels."""
        return sum(
            int(sample.value)
            for sample in self.samples
            if sample.name == name and labels.items() <= sample.labels.items()
        )


class TopicReader:
    """Reads topics, as an async context manager. Its consumer has no group, so it disturbs no other one."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._admin = AIOKafkaAdminClient(**connection_options(settings))
        self._consumer = AIOKafkaConsumer(**connection_options(settings), fetch_max_wait_ms=50)

    async def __aenter__(self) -> Self:
        await self._admin.start()
        await self._consumer.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()
        await self._admin.close()

    async def wait_done(
        self, sources: Sequence[str], deadline: Deadline, look: Callable[[int], None]
    ) -> dict[str, Position]:
        """Returns when the worker has committed all records of the vendors' topics, and then all of the
        canonical topic: after that, nothing is left to do. `look` is called with the number of records that
        are left.

        Raises CommandFailed at the deadline.
        """
        positions: dict[str, Position] = {}
        for topics in (sources, [self._settings.topic_events]):
            while True:
                found = await self._positions(topics)
                left = sum(each.end - each.committed for each in found.values())
                look(left)
                if not left:
                    positions |= found
                    break
                deadline.check(f"the worker to commit {left} more records of {', '.join(topics)}")
                await asyncio.sleep(POLL_SECONDS)
        return positions

    async def records(self, topic: str) -> list[ConsumerRecord]:
        """Returns all records up to the end that the topic has now."""
        partitions = await self._partitions(topic)
        self._consumer.assign(partitions)
        await self._consumer.seek_to_beginning(*partitions)
        ends = await self._consumer.end_offsets(partitions)
        found: list[ConsumerRecord] = []
        while any([await self._consumer.position(each) < ends[each] for each in partitions]):
            for batch in (await self._consumer.getmany(timeout_ms=100)).values():
                found += batch
        return found

    async def _partitions(self, topic: str) -> list[TopicPartition]:
        (description,) = await self._admin.describe_topics([topic])
        return [TopicPartition(topic, each["partition"]) for each in description["partitions"]]

    async def _positions(self, topics: Sequence[str]) -> dict[str, Position]:
        committed = await self._admin.list_consumer_group_offsets(self._settings.app_id)
        found = {}
        for topic in topics:
            partitions = await self._partitions(topic)
            ends = await self._consumer.end_offsets(partitions)
            done = sum(committed[each].offset for each in partitions if each in committed)
            found[topic] = Position(done, sum(ends.values()))
        return found


async def read_topics(reader: TopicReader, settings: Settings, positions: dict[str, Position]) -> Seen:
    """Returns everything but the metrics."""
    users, loyalty = [_rows(await reader.records(topic)) for topic in settings.changelogs]
    return Seen(
        samples=[],
        events=[json.loads(record.value) for record in await reader.records(settings.topic_events)],
        dead_letters=[_dead_letter(record) for record in await reader.records(settings.topic_dead_letter)],
        users=users,
        loyalty=loyalty,
        positions=positions,
    )


def parse_metrics(text: str) -> list[Sample]:
    return [
        Sample(sample.name, sample.labels, sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    ]


def _rows(records: list[ConsumerRecord]) -> dict[str, dict[str, Any] | None]:
    """Returns the last value of each key. All records of a key are in one partition, so they are in order."""
    return {record.key.decode(): json.loads(record.value) if record.value else None for record in records}


def _dead_letter(record: ConsumerRecord) -> DeadLetter:
    headers = {name: value.decode() for name, value in record.headers}
    origin = [headers[CONNECT_ERRORS + part] for part in ("topic", "partition", "offset")]
    return DeadLetter(
        origin="/".join(origin),
        vendor=headers["x-vendor"],
        reason=headers["x-reason"],
        detail=headers["x-detail"],
        key=record.key.decode(),
        value=record.value,
    )
