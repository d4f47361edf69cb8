"""Fills topics as fast as librdkafka can, and reads from outside how much a consumer group has committed."""

import time
from collections.abc import Callable, Iterable, Sequence
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition
from confluent_kafka.admin import AdminClient

from tests.tools.bench.processes import BenchFailed

_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.1


class Publisher:
    """A producer with large batches; `close`, or the end of its block, waits for all acknowledgements.
    `idempotent`: whether it has a producer id."""

    def __init__(self, broker: str, *, idempotent: bool = False) -> None:
        self._refused = 0
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "partitioner": "murmur2_random",
                "enable.idempotence": idempotent,
                "linger.ms": 20,
                "batch.size": 900_000,
                "queue.buffering.max.messages": 400_000,
            }
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is None:
            self.close()

    def send(
        self,
        topic: str,
        key: bytes,
        value: bytes,
        partition: int = -1,
        headers: list[tuple[str, str | bytes | None]] | None = None,
    ) -> None:
        """Queues a record; by default the key decides the partition."""
        while True:
            try:
                self._producer.produce(topic, value, key, partition, self._delivered, headers=headers)
                break
            except BufferError:
                self._producer.poll(0.1)

    def poll(self) -> None:
        """Handles acknowledgements; to be called now and then."""
        self._producer.poll(0)

    def close(self) -> None:
        """Raises BenchFailed if a record was refused, or is not acknowledged in time."""
        if self._producer.flush(_TIMEOUT_SECONDS) or self._refused:
            raise BenchFailed(f"{self._refused} records were refused, {len(self._producer)} not acknowledged")

    def _delivered(self, error: KafkaError | None, _message: "Message[bytes, bytes]") -> None:
        self._refused += error is not None


def publish(broker: str, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Writes keys and values into the topic; returns when all are acknowledged."""
    publish_to(broker, ((topic, key, value) for key, value in records))


def publish_to(broker: str, records: Iterable[tuple[str, bytes, bytes]]) -> None:
    """Writes topics, keys and values; returns when all are acknowledged."""
    with Publisher(broker) as publisher:
        for number, (topic, key, value) in enumerate(records):
            publisher.send(topic, key, value)
            if number % 1000 == 0:
                publisher.poll()


def delete_topics(broker: str, names: Sequence[str]) -> None:
    """Asks the broker to delete the topics, and returns when it has agreed."""
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    for future in admin.delete_topics(list(names)).values() if names else ():
        future.result()


class GroupProgress:
    """What a consumer group has committed."""

    def __init__(self, broker: str, group: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": broker, "group.id": group})

    def close(self) -> None:
        self._consumer.close()

    def committed(self, topic: str) -> int:
        """Returns the number of records of the topic that the group has committed."""
        offsets = self._consumer.committed(self._partitions(topic), timeout=_TIMEOUT_SECONDS)
        return sum(max(each.offset, 0) for each in offsets)

    def left(self, topic: str) -> dict[int, int]:
        """Returns how many offsets the group has not committed yet, by partition."""
        offsets = self._consumer.committed(self._partitions(topic), timeout=_TIMEOUT_SECONDS)
        return {
            each.partition: self._consumer.get_watermark_offsets(each, _TIMEOUT_SECONDS)[1]
            - max(each.offset, 0)
            for each in offsets
        }

    def records(self, topic: str) -> int:
        return sum(
            self._consumer.get_watermark_offsets(each, _TIMEOUT_SECONDS)[1]
            for each in self._partitions(topic)
        )

    def _partitions(self, topic: str) -> list[TopicPartition]:
        known = self._consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic].partitions
        return [TopicPartition(topic, partition) for partition in known]


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Returns when the condition is true. Raises BenchFailed if it is not true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchFailed(f"not within {seconds:g} s: {what}")
        time.sleep(_POLL_SECONDS)
