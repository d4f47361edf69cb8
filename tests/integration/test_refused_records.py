"""A record that a broker refuses because of itself does not affect the others of its batch: they arrive in
order, exactly once."""

import asyncio
from collections.abc import Callable

import pytest

from app.engine.producer.producer import ProducerFailed
from app.engine.producer.refusals import NoAnswer, Refusal, Written
from tests.integration.test_engine_producer import running
from tests.kafka import Record, consume_all, create_topics, set_config

LARGE = b"x" * 5_000


class Refused:
    """Keeps what was refused, and answers with what the test wants to write instead."""

    def __init__(self, *instead: Written | NoAnswer | None) -> None:
        self.seen: list[tuple[bytes | None, Refusal]] = []
        self._instead = list(instead)

    def __call__(self, written: Written, refusal: Refusal) -> Written | None:
        self.seen.append((written.key, refusal))
        answer = self._instead.pop(0) if self._instead else None
        if isinstance(answer, NoAnswer):
            raise answer
        return answer


async def values_of(broker: str, topic: str, partition: int = 0) -> list[bytes | None]:
    records: list[Record] = await asyncio.to_thread(consume_all, broker, topic)
    return [record.value for record in records if record.partition == partition]


@pytest.mark.parametrize("large", [{0}, {7}, {99}, {0, 1}, {40, 41, 80}, set(range(100))], ids=str)
async def test_a_record_that_is_too_large_leaves_the_others_in_their_order(
    each_broker: str, unique: Callable[[str], str], large: set[int]
) -> None:
    topic = unique("sizes")
    create_topics(each_broker, {topic: 2})
    refused = Refused()
    acknowledged: list[tuple[int, int, int]] = []
    async with running(each_broker) as producer:
        producer.on_acknowledged = lambda _topic, partition, base, count: acknowledged.append(
            (partition, base, count)
        )
        producer.append(topic, 0, None, b"before")
        await producer.flush()
        set_config(each_broker, topic, "max.message.bytes", "2000")
        for number in range(100):
            value = LARGE if number in large else b"%d" % number
            producer.append(topic, 0, b"k%d" % number, value, on_refused=refused)
            producer.append(topic, 1, None, b"%d" % number)
        await producer.flush()
        producer.append(topic, 0, None, b"after")
        await producer.flush()
    numbers = [b"%d" % number for number in range(100)]
    expected = [number for index, number in enumerate(numbers) if index not in large]
    assert await values_of(each_broker, topic) == [b"before", *expected, b"after"]
    assert await values_of(each_broker, topic, 1) == numbers
    assert refused.seen == [(b"k%d" % number, Refusal.SIZE) for number in sorted(large)]
    # The offset of every record is still known, which the repair of zombies' rows needs.
    for partition in range(2):
        positions = [
            base + step for each, base, count in acknowledged if each == partition for step in range(count)
        ]
        assert positions == list(range(len(await values_of(each_broker, topic, partition))))


async def test_a_batch_that_is_too_large_only_as_a_whole_is_written_in_parts(
    each_broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("parts")
    create_topics(each_broker, {topic: 1}, max_message_bytes="2000")
    async with running(each_broker) as producer:
        for number in range(300):
            producer.append(topic, 0, b"key", b"%100d" % number)
        await producer.flush()
    assert await values_of(each_broker, topic) == [b"%100d" % number for number in range(300)]


async def test_a_null_key_on_a_compacted_topic_is_refused_alone(
    each_broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("compacted")
    create_topics(each_broker, {topic: 1}, cleanup_policy="compact")
    refused = Refused()
    async with running(each_broker) as producer:
        for number in range(9):
            key = None if number in (0, 4, 8) else b"k%d" % number
            producer.append(topic, 0, key, b"%d" % number, on_refused=refused)
        await producer.flush()
    assert await values_of(each_broker, topic) == [b"1", b"2", b"3", b"5", b"6", b"7"]
    assert refused.seen == [(None, Refusal.FORM)] * 3


async def test_what_is_written_in_its_place_stands_in_its_place(
    each_broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("instead")
    create_topics(each_broker, {topic: 1}, max_message_bytes="2000")
    refused = Refused(Written(b"k", LARGE), Written(b"k", b"small", [("h", None)]))
    async with running(each_broker) as producer:
        producer.append(topic, 0, b"k", b"first")
        producer.append(topic, 0, b"k", LARGE, on_refused=refused)
        producer.append(topic, 0, b"k", b"last")
        await producer.flush()
    records = await asyncio.to_thread(consume_all, each_broker, topic)
    assert [record.value for record in records] == [b"first", b"small", b"last"]
    assert records[1].headers == [("h", None)]
    assert len(refused.seen) == 2


async def test_a_time_that_has_become_too_old_is_stamped_again(
    each_broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("old")
    # The second stamp must not become too old if the machine stands still for some seconds.
    create_topics(each_broker, {topic: 1}, message_timestamp_before_max_ms="6000")
    async with running(each_broker, linger_seconds=6.5) as producer:
        for number in range(10):
            producer.append(topic, 0, None, b"%d" % number)
        await producer.flush()
    assert await values_of(each_broker, topic) == [b"%d" % number for number in range(10)]


@pytest.mark.parametrize(
    ("configs", "key", "value", "error"),
    [
        ({"max_message_bytes": "2000"}, b"k", LARGE, "MessageSizeTooLargeError"),
        (
            {"segment_bytes": "1048576", "max_message_bytes": "4000000"},
            b"k",
            b"x" * 2_000_000,
            "RecordListTooLargeError",
        ),
        ({"cleanup_policy": "compact"}, None, b"v", "InvalidRecordError"),
    ],
    ids=["record", "segment", "form"],
)
@pytest.mark.parametrize("asked", [True, False])
async def test_a_refused_record_without_an_answer_ends_the_worker_and_the_line_names_topic_and_error(
    each_broker: str,
    unique: Callable[[str], str],
    configs: dict[str, str],
    key: bytes | None,
    value: bytes,
    error: str,
    asked: bool,
) -> None:
    topic = unique("unanswered")
    create_topics(each_broker, {topic: 1}, **configs)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with running(each_broker, largest_batch_bytes=5_000_000) as producer:
        producer.append(topic, 0, key, value, on_refused=Refused(NoAnswer()) if asked else None)
        with pytest.raises(ProducerFailed, match=f"^a write to {topic} failed: {error}"):
            await producer.flush()
    assert await values_of(each_broker, topic) == []
