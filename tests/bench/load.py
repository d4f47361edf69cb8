"""Fills topics as fast as librdkafka can, and sees from outside how far a consumer group has come."""

import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Self

from confluent_kafka import Consumer, KafkaError, Message, Producer, TopicPartition

from tests.bench.processes import BenchFailed

_TIMEOUT_SECONDS = 60.0
_POLL_SECONDS = 0.1


class Publisher:
    """A producer with big batches; `close`, or the end of its block, waits for every acknowledgement."""

    def __init__(self, broker: str) -> None:
        self._refused = 0
        self._producer = Producer(
            {
                "bootstrap.servers": broker,
                "partitioner": "murmur2_random",
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

    def send(self, topic: str, key: bytes, value: bytes, partition: int = -1) -> None:
        """Queues a record; by default the key says where it goes."""
        while True:
            try:
                self._producer.produce(topic, value, key, partition, on_delivery=self._delivered)
                break
            except BufferError:
                self._producer.poll(0.1)

    def poll(self) -> None:
        """To be called now and then: hears of what is acknowledged."""
        self._producer.poll(0)

    def close(self) -> None:
        """Raises BenchFailed where a record was refused, or is not acknowledged in time."""
        if self._producer.flush(_TIMEOUT_SECONDS) or self._refused:
            raise BenchFailed(f"{self._refused} records were refused, {len(self._producer)} not acknowledged")

    def _delivered(self, error: KafkaError | None, _message: "Message[bytes, bytes]") -> None:
        self._refused += error is not None


def publish(broker: str, topic: str, records: Iterable[tuple[bytes, bytes]]) -> None:
    """Keys and values into the topic; returns when all are acknowledged."""
    with Publisher(broker) as publisher:
        for number, (key, value) in enumerate(records):
            publisher.send(topic, key, value)
            if number % 1000 == 0:
                publisher.poll()


class GroupProgress:
    """What a consumer group has committed, against the ends of the topics that it reads."""

    def __init__(self, broker: str, group: str) -> None:
        self._consumer = Consumer({"bootstrap.servers": broker, "group.id": group})

    def close(self) -> None:
        self._consumer.close()

    def committed(self, topic: str) -> int:
        """Records of the topic that are behind the group, as it has said so."""
        offsets = self._consumer.committed(self._partitions(topic), timeout=_TIMEOUT_SECONDS)
        return sum(max(each.offset, 0) for each in offsets)

    def records(self, topic: str) -> int:
        return sum(
            self._consumer.get_watermark_offsets(each, _TIMEOUT_SECONDS)[1]
            for each in self._partitions(topic)
        )

    def _partitions(self, topic: str) -> list[TopicPartition]:
        known = self._consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic].partitions
        return [TopicPartition(topic, partition) for partition in known]


def wait_for(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Raises BenchFailed where it does not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            raise BenchFailed(f"not within {seconds:g} s: {what}")
        time.sleep(_POLL_SECONDS)
