"""Reads topics from their beginning without holding them in memory."""

import time
from collections.abc import Iterable, Iterator
from contextlib import closing
from typing import cast

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition

from tests.kafka import Headers, Record, end_offsets

BATCH = 1_000
_WAIT_SECONDS = 0.1
_SILENCE_SECONDS = 30.0


def consumer_of(broker: str, topics: Iterable[str]) -> Consumer:
    """Returns a consumer at the beginning of every partition that the topics have now."""
    consumer = Consumer(
        {
            "bootstrap.servers": broker,
            "group.id": "soak-reads-without-a-group",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "queued.max.messages.kbytes": 16_384,
            "log_level": 0,
        }
    )
    consumer.assign(
        [
            TopicPartition(topic, partition, OFFSET_BEGINNING)
            for topic in topics
            for partition in end_offsets(broker, topic)
        ]
    )
    return consumer


def records_of(broker: str, topic: str) -> Iterator[Record]:
    """Yields every record up to the end that the topic has now; those of a partition are in order."""
    with closing(consumer_of(broker, [topic])) as consumer:
        missing = {each.partition for each in consumer.assignment()}
        heard = time.monotonic()
        while missing:
            messages = consumer.consume(BATCH, _WAIT_SECONDS)
            heard = time.monotonic() if messages else heard
            assert time.monotonic() - heard < _SILENCE_SECONDS, (
                f"nothing of {topic} for {_SILENCE_SECONDS:g} s"
            )
            for message in messages:
                if at_end(message):
                    missing.discard(cast(int, message.partition()))
                else:
                    yield _record(message)


def at_end(message: "Message[bytes, bytes]") -> bool:
    """Returns whether the message is no record, but says that a partition has no more. Raises
    KafkaException."""
    error = message.error()
    if error is not None and error.code() != KafkaError._PARTITION_EOF:
        raise KafkaException(error)
    return error is not None


def _record(message: "Message[bytes, bytes]") -> Record:
    return Record(
        cast(str, message.topic()),
        cast(int, message.partition()),
        cast(int, message.offset()),
        message.timestamp()[1],
        message.key(),
        message.value(),
        cast(Headers, message.headers() or []),
    )
