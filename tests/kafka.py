"""What tests do to a Kafka, by librdkafka: a client that shares no code with the one under test.

Functions block; an asyncio test calls them by `asyncio.to_thread`.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from typing import Any, NamedTuple, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewTopic

from tests.waiting import GIVE_UP_SECONDS, wait_until

_TIMEOUT_SECONDS = GIVE_UP_SECONDS

Headers = list[tuple[str, bytes | None]]


class ToSend(NamedTuple):
    """A record to produce: `timestamp` in milliseconds or None for now, `partition` or None for the key's."""

    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 - never changed
    timestamp: int | None = None
    partition: int | None = None


class Record(NamedTuple):
    """A record as it lies in the log; `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def create_topics(bootstrap: str, topics: Mapping[str, int], **configs: str) -> None:
    """Create topics with so many partitions each and wait until all have leaders.

    Topic settings are keywords with `_` for `.`: `cleanup_policy="compact"`.
    """
    config = {name.replace("_", "."): value for name, value in configs.items()}
    admin = AdminClient({"bootstrap.servers": bootstrap})
    wanted = [NewTopic(name, num_partitions=count, config=config) for name, count in topics.items()]
    for future in admin.create_topics(wanted, request_timeout=_TIMEOUT_SECONDS).values():
        future.result()

    def all_led() -> bool:
        known = admin.list_topics(timeout=_TIMEOUT_SECONDS).topics
        return all(
            name in known and sum(part.leader >= 0 for part in known[name].partitions.values()) == count
            for name, count in topics.items()
        )

    wait_until(all_led, f"leaders for {', '.join(topics)}")


def topic_names(bootstrap: str) -> set[str]:
    """All topics that there are."""
    return set(AdminClient({"bootstrap.servers": bootstrap}).list_topics(timeout=_TIMEOUT_SECONDS).topics)


def set_config(bootstrap: str, topic: str, name: str, value: str) -> str:
    """What a setting of a topic was before it is set to `value`, as an operator would at run time."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    asked = ConfigResource(ResourceType.TOPIC, topic)
    entries = admin.describe_configs([asked], request_timeout=_TIMEOUT_SECONDS)[asked].result()
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([change], request_timeout=_TIMEOUT_SECONDS)[change].result()
    return str(entries[name].value)


def produce(bootstrap: str, topic: str, records: Iterable[tuple[Any, ...]]) -> list[tuple[int, int]]:
    """Write records (ToSend, or tuples of its first members); return their (partition, offset) in order."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            # What a topic takes is the topic's business.
            "message.max.bytes": 100_000_000,
        }
    )
    places: dict[int, tuple[int, int]] = {}
    failures: list[KafkaError] = []
    for index, record in enumerate(ToSend(*record) for record in records):

        def delivered(error: KafkaError | None, message: "Message[bytes, bytes]", index: int = index) -> None:
            if error is not None:
                failures.append(error)
            else:
                places[index] = (_known(message.partition()), _known(message.offset()))

        _enqueue(producer, topic, record, delivered)
    unsent = producer.flush(_TIMEOUT_SECONDS)
    assert not failures, f"{len(failures)} records refused, the first: {failures[0].name()}"
    assert unsent == 0, f"{unsent} records not acknowledged within {_TIMEOUT_SECONDS:g} s"
    return [places[index] for index in sorted(places)]


def consume_all(bootstrap: str, topic: str) -> list[Record]:
    """Everything in the topic up to the end that it has now, partition by partition, in offset order."""
    with closing(_consumer(bootstrap)) as consumer:
        missing = set(_partitions(consumer, topic))
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in missing])
        records = []
        while missing:
            message = consumer.poll(_TIMEOUT_SECONDS)
            assert message is not None, f"no word of {topic} in {_TIMEOUT_SECONDS:g} s"
            error = message.error()
            if error is None:
                records.append(_record(message))
            elif error.code() == KafkaError._PARTITION_EOF:
                missing.discard(_known(message.partition()))
            else:
                raise KafkaException(error)
    return sorted(records, key=lambda record: (record.partition, record.offset))


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """The high watermark of every partition."""
    with closing(_consumer(bootstrap)) as consumer:
        return {
            partition: consumer.get_watermark_offsets(TopicPartition(topic, partition), _TIMEOUT_SECONDS)[1]
            for partition in _partitions(consumer, topic)
        }


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """The offsets that the group has committed, by partition; those without one are left out."""
    with closing(_consumer(bootstrap, group)) as consumer:
        asked = [TopicPartition(topic, partition) for partition in _partitions(consumer, topic)]
        answers = consumer.committed(asked, timeout=_TIMEOUT_SECONDS)
    return {answer.partition: answer.offset for answer in answers if answer.offset >= 0}


def _consumer(bootstrap: str, group: str = "tests-read-without-a-group") -> Consumer:
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": group,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "isolation.level": "read_uncommitted",
            "fetch.wait.max.ms": 50,
        }
    )


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    metadata = consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return sorted(metadata.partitions)


def _record(message: "Message[bytes, bytes]") -> Record:
    return Record(
        message.topic() or "",
        _known(message.partition()),
        _known(message.offset()),
        message.timestamp()[1],
        message.key(),
        message.value(),
        cast(Headers, message.headers() or []),
    )


def _enqueue(
    producer: Producer,
    topic: str,
    record: ToSend,
    delivered: "Callable[[KafkaError | None, Message[bytes, bytes]], None]",
) -> None:
    options: dict[str, Any] = {"headers": record.headers, "on_delivery": delivered}
    # librdkafka takes no None here, and a timestamp of 0 as now.
    if record.timestamp is not None:
        options["timestamp"] = record.timestamp
    if record.partition is not None:
        options["partition"] = record.partition
    while True:
        try:
            producer.produce(topic, key=record.key, value=record.value, **options)
        except BufferError:
            producer.poll(1.0)
        else:
            producer.poll(0)
            return


def _known(number: int | None) -> int:
    assert number is not None
    return number
