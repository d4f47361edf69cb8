"""What tests do with a Kafka, by librdkafka: a client that shares no code with the client under test.

Functions block; an asyncio test calls them by `asyncio.to_thread`.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import closing
from typing import Any, NamedTuple, cast

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Message,
    Producer,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import AlterConfigOpType, ConfigEntry, ConfigResource
from confluent_kafka.admin._resource import ResourceType
from confluent_kafka.cimpl import NewPartitions, NewTopic

from tests.kafka_clients import Isolation, admin_of, member_of, new_consumer
from tests.waiting import GIVE_UP_SECONDS, wait_until

_TIMEOUT_SECONDS = GIVE_UP_SECONDS
_DESCRIBE_SECONDS = 20.0

Headers = list[tuple[str, bytes | None]]


class ToSend(NamedTuple):
    """A record to produce. `timestamp`: in milliseconds, None for now; `partition`: None for that of the
    key."""

    key: bytes | None
    value: bytes | None
    headers: Headers = []  # noqa: RUF012 - never changed
    timestamp: int | None = None
    partition: int | None = None


class Record(NamedTuple):
    """A record of a log; `timestamp` in milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Headers


def create_topics(bootstrap: str, topics: Mapping[str, int], **configs: str) -> None:
    """Creates topics, and returns when all partitions have leaders. `topics`: partition counts by name.

    Settings of the topics are keywords with `_` instead of `.`: `cleanup_policy="compact"`.
    """
    config = {name.replace("_", "."): value for name, value in configs.items()}
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    wanted = [NewTopic(name, num_partitions=count, config=config) for name, count in topics.items()]
    for future in admin.create_topics(wanted, request_timeout=_TIMEOUT_SECONDS).values():
        future.result()

    wait_until(lambda: _all_led(admin, topics), f"leaders for {', '.join(topics)}")


def add_partitions(bootstrap: str, topics: Mapping[str, int]) -> None:
    """Gives topics more partitions, and returns when all have leaders. `topics`: the new counts by name."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    wanted = [NewPartitions(name, count) for name, count in topics.items()]
    for future in admin.create_partitions(wanted, request_timeout=_TIMEOUT_SECONDS).values():
        future.result()
    wait_until(lambda: _all_led(admin, topics), f"leaders for {', '.join(topics)}")


def _all_led(admin: AdminClient, topics: Mapping[str, int]) -> bool:
    """Asks for these topics only: the Kafka that tests share has thousands of others."""
    asked = admin.describe_topics(TopicCollection(list(topics)), request_timeout=_TIMEOUT_SECONDS)
    try:
        found = {name: future.result().partitions for name, future in asked.items()}
    except KafkaException as problem:
        if problem.args[0].code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise
        return False
    return all(sum(part.leader is not None for part in found[name]) == topics[name] for name in topics)


def topic_names(bootstrap: str) -> set[str]:
    """Returns the names of all topics."""
    return set(
        AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
        .list_topics(timeout=_TIMEOUT_SECONDS)
        .topics
    )


def set_config(bootstrap: str, topic: str, name: str, value: str) -> str:
    """Returns the old value of a topic's setting. Sets it to `value`, as an operator does at run time.

    It returns when the broker acts on the new value. The controller's answer comes earlier, and so does the
    broker's own description of the topic: a broker publishes a change to that before its logs take it over.
    It applies changes one after another, so a second change that it shows means that the first is in force.
    """
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    old = _topic_config(admin, topic, name)
    _alter_and_wait(admin, topic, name, value)
    delay = int(_topic_config(admin, topic, _MARKER_CONFIG))
    _alter_and_wait(admin, topic, _MARKER_CONFIG, str(delay + 1))
    return old


def delete_records(bootstrap: str, topic: str, before: Mapping[int, int]) -> None:
    """Deletes the records before an offset of each partition, as retention does."""
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0})
    wanted = [TopicPartition(topic, partition, offset) for partition, offset in before.items()]
    for future in admin.delete_records(wanted, request_timeout=_TIMEOUT_SECONDS).values():
        future.result()


_MARKER_CONFIG = "file.delete.delay.ms"
"""A setting of topics on which no test depends."""


def _topic_config(admin: AdminClient, topic: str, name: str) -> str:
    asked = ConfigResource(ResourceType.TOPIC, topic)
    return str(admin.describe_configs([asked], request_timeout=_TIMEOUT_SECONDS)[asked].result()[name].value)


def _alter_and_wait(admin: AdminClient, topic: str, name: str, value: str) -> None:
    entry = ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET)
    change = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
    admin.incremental_alter_configs([change], request_timeout=_TIMEOUT_SECONDS)[change].result()
    wait_until(lambda: _topic_config(admin, topic, name) == value, f"{name} of {topic} is {value}")


def produce(bootstrap: str, topic: str, records: Iterable[tuple[Any, ...]]) -> list[tuple[int, int]]:
    """Writes records (ToSend, or tuples of its first members), and returns their (partition, offset) in
    order."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "enable.idempotence": True,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            # So that only the topic's own limit refuses a record.
            "message.max.bytes": 100_000_000,
        }
    )
    positions: dict[int, tuple[int, int]] = {}
    failures: list[KafkaError] = []
    for index, record in enumerate(ToSend(*record) for record in records):

        def delivered(error: KafkaError | None, message: "Message[bytes, bytes]", index: int = index) -> None:
            if error is not None:
                failures.append(error)
            else:
                positions[index] = (_known(message.partition()), _known(message.offset()))

        enqueue(producer, topic, record, delivered)
    unsent = producer.flush(_TIMEOUT_SECONDS)
    assert not failures, f"{len(failures)} records refused, the first: {failures[0].name()}"
    assert unsent == 0, f"{unsent} records not acknowledged within {_TIMEOUT_SECONDS:g} s"
    return [positions[index] for index in sorted(positions)]


def consume_all(
    bootstrap: str,
    topic: str,
    *,
    isolation: Isolation = "read_uncommitted",
    cut: int | None = None,
    headers_of: Mapping[tuple[str, int, int], Headers] = {},
) -> list[Record]:
    """Returns all records up to the end that the topic has now, partition by partition, in offset order.

    `cut`: keep so many bytes of a value. `headers_of`: the headers of the records, by topic, partition and
    offset, that confluent-kafka cannot return, because a name is not UTF-8."""
    records = consume(bootstrap, topic, isolation=isolation, cut=cut, headers_of=headers_of)
    return sorted(records, key=lambda record: (record.partition, record.offset))


def consume(
    bootstrap: str,
    topic: str,
    *,
    isolation: Isolation = "read_uncommitted",
    cut: int | None = None,
    headers_of: Mapping[tuple[str, int, int], Headers] = {},
) -> Iterator[Record]:
    """Yields the records of `consume_all` as they come: in offset order within a partition only. So a topic
    may be larger than the memory."""
    with closing(new_consumer(bootstrap, isolation=isolation)) as consumer:
        missing = set(_partitions(consumer, topic))
        consumer.assign([TopicPartition(topic, partition, OFFSET_BEGINNING) for partition in missing])
        while missing:
            message = consumer.poll(_TIMEOUT_SECONDS)
            assert message is not None, f"nothing of {topic} within {_TIMEOUT_SECONDS:g} s"
            error = message.error()
            if error is None:
                yield _record(message, cut, headers_of)
            elif error.code() == KafkaError._PARTITION_EOF:
                missing.discard(_known(message.partition()))
            else:
                raise KafkaException(error)


def end_offsets(bootstrap: str, topic: str) -> dict[int, int]:
    """Returns the high watermark of each partition."""
    return _ends(bootstrap, _all_partitions(admin_of(bootstrap), [topic]))[topic]


def committed(bootstrap: str, group: str, topic: str) -> dict[int, int]:
    """Returns the offsets that the group has committed, by partition. Partitions without one are left out."""
    return committed_of(bootstrap, group, [topic])[topic]


def members(bootstrap: str, group: str) -> int:
    """Returns how many members the group has, also if it does not know yet that one has died."""
    admin = admin_of(bootstrap)
    return len(admin.describe_consumer_groups([group])[group].result().members)


def committed_of(bootstrap: str, group: str, topics: Iterable[str]) -> dict[str, dict[int, int]]:
    """Does the same as `committed` for several topics."""
    return _commits(bootstrap, group, _all_partitions(admin_of(bootstrap), topics))


def committed_and_ends(
    bootstrap: str, group: str, topics: Iterable[str]
) -> tuple[dict[str, dict[int, int]], dict[str, dict[int, int]]]:
    """Returns what `committed` and then `end_offsets` return for each of the topics."""
    asked = _all_partitions(admin_of(bootstrap), topics)
    return _commits(bootstrap, group, asked), _ends(bootstrap, asked)


def _all_partitions(admin: AdminClient, topics: Iterable[str]) -> list[TopicPartition]:
    names = list(topics)
    if not names:
        return []
    found = wait_until(lambda: _described(admin, names), f"a description of {', '.join(names)}")
    assert found is not None
    return found


def _described(admin: AdminClient, names: list[str]) -> list[TopicPartition] | None:
    """Returns None if no answer comes soon: one that was asked for while its broker was paused can be
    lost."""
    asked = admin.describe_topics(TopicCollection(names), request_timeout=_DESCRIBE_SECONDS)
    try:
        return [
            TopicPartition(topic, partition.id)
            for topic, future in asked.items()
            for partition in future.result().partitions
        ]
    except KafkaException as problem:
        if problem.args[0].code() not in (KafkaError._TIMED_OUT, KafkaError.REQUEST_TIMED_OUT):
            raise
        return None


def _commits(bootstrap: str, group: str, asked: list[TopicPartition]) -> dict[str, dict[int, int]]:
    consumer = member_of(bootstrap, group)
    answers = wait_until(lambda: _committed(consumer, asked), f"the coordinator of {group}")
    found: dict[str, dict[int, int]] = {each.topic: {} for each in asked}
    for answer in answers or ():
        if answer.offset >= 0:
            found[answer.topic][answer.partition] = answer.offset
    return found


def _ends(bootstrap: str, asked: list[TopicPartition]) -> dict[str, dict[int, int]]:
    """Returns the high watermarks. Its client is new: one that stays may know leaders of before an outage."""
    found: dict[str, dict[int, int]] = {each.topic: {} for each in asked}
    with closing(new_consumer(bootstrap)) as consumer:
        for each in asked:
            found[each.topic][each.partition] = _end(consumer, each)
    return found


def _end(consumer: Consumer, partition: TopicPartition) -> int:
    """Returns the high watermark. It waits while the client knows no leader: of a broker that was away it
    asks nothing before it has found it again."""

    def ends() -> list[int]:
        try:
            return [consumer.get_watermark_offsets(partition, _TIMEOUT_SECONDS)[1]]
        except KafkaException as problem:
            if problem.args[0].code() == KafkaError._UNKNOWN_PARTITION:
                return []
            raise

    return wait_until(ends, f"the leader of {partition.topic}/{partition.partition}")[0]


_COORDINATOR_MOVES = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}


def _committed(consumer: Consumer, asked: list[TopicPartition]) -> list[TopicPartition] | None:
    """Returns the answer of the group's coordinator, or None while brokers make one: the first request about
    a group makes them create the topic of committed offsets."""
    try:
        return consumer.committed(asked, timeout=_TIMEOUT_SECONDS)
    except KafkaException as problem:
        if problem.args[0].code() in _COORDINATOR_MOVES:
            return None
        raise


def _partitions(consumer: Consumer, topic: str) -> list[int]:
    metadata = consumer.list_topics(topic, timeout=_TIMEOUT_SECONDS).topics[topic]
    if metadata.error is not None:
        raise KafkaException(metadata.error)
    return sorted(metadata.partitions)


def _record(
    message: "Message[bytes, bytes]",
    cut: int | None,
    headers_of: Mapping[tuple[str, int, int], Headers],
) -> Record:
    position = message.topic() or "", _known(message.partition()), _known(message.offset())
    value = message.value()
    return Record(
        *position,
        message.timestamp()[1],
        message.key(),
        value if value is None else value[:cut],
        headers_of[position] if position in headers_of else cast(Headers, message.headers() or []),
    )


def enqueue(
    producer: Producer,
    topic: str,
    record: ToSend,
    delivered: "Callable[[KafkaError | None, Message[bytes, bytes]], None]",
) -> None:
    """Gives a record to a producer; waits if the producer has no room."""
    options: dict[str, Any] = {"headers": record.headers, "on_delivery": delivered}
    # librdkafka does not accept None here, and takes a timestamp of 0 for now.
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
