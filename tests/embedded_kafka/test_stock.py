"""The stock mode behaves as a Kafka in production does: the settings of other tests hide that."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka import KafkaError, Message, Producer

from app.embedded_kafka.properties import Ports, server_properties
from tests.kafka import ToSend, consume_all, create_topics, produce, topic_names
from tests.waiting import GIVE_UP_SECONDS, wait_until

_HOUR_MS = 3_600_000


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_retention_deletes_an_old_record_soon(stock: str, unique: Callable[[str], str]) -> None:
    topic = unique("old")
    create_topics(stock, {topic: 1})
    produce(stock, topic, [ToSend(None, b"old", timestamp=now_ms() - 8 * 24 * _HOUR_MS)])
    wait_until(lambda: not consume_all(stock, topic), "a record of eight days ago is deleted")


def test_a_record_of_now_stays(stock: str, unique: Callable[[str], str]) -> None:
    gone, topic = unique("old"), unique("new")
    create_topics(stock, {gone: 1, topic: 1})
    produce(stock, topic, [ToSend(None, b"new")])
    produce(stock, gone, [ToSend(None, b"old", timestamp=1)])
    wait_until(lambda: not consume_all(stock, gone), "a record of 1970 is deleted")
    assert [record.value for record in consume_all(stock, topic)] == [b"new"]


def test_a_topic_is_created_for_a_client_that_does_not_forbid_it(
    stock: str, unique: Callable[[str], str]
) -> None:
    topic = unique("asked-for")
    produce(stock, topic, [ToSend(None, b"value")])
    assert topic in topic_names(stock)


def test_a_timestamp_of_the_future_is_refused(stock: str, unique: Callable[[str], str]) -> None:
    topic = unique("future")
    create_topics(stock, {topic: 1})
    said: list[int | None] = []

    def delivered(error: KafkaError | None, _message: "Message[bytes, bytes]") -> None:
        said.append(error.code() if error else None)

    producer = Producer({"bootstrap.servers": stock})
    for hours in (0, 2):
        producer.produce(topic, b"value", timestamp=now_ms() + hours * _HOUR_MS, on_delivery=delivered)
        assert producer.flush(GIVE_UP_SECONDS) == 0
    assert said == [None, KafkaError.INVALID_TIMESTAMP]


@pytest.mark.parametrize("setting", ["auto.create.topics.enable", "log.retention.ms", "message.timestamp"])
def test_stock_sets_nothing_of_what_is_to_be_as_kafka_ships_it(setting: str, tmp_path: Path) -> None:
    text = server_properties(0, [Ports(1, 2)], tmp_path, {}, stock=True)
    assert setting not in text
