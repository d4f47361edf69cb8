"""The records of a flush round become batches and request groups."""

import asyncio
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given
from hypothesis import strategies as st

from app.engine.config import ProducerConfig
from app.engine.producer.batches import FlushBatches, RecordTooLarge
from app.engine.producer.producer import GroupCommitProducer
from app.environment import load
from app.topics import DEAD_LETTER_BYTES, EVENT_BYTES, ROW_BYTES, OutputTopic, TopicDescription, output_topic

BATCH_BYTES = 500
LARGEST_BYTES = 2_000


def batches() -> FlushBatches:
    return FlushBatches("users", lambda: BatchBuilder(BATCH_BYTES, 0), LARGEST_BYTES)


@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 1_800)), max_size=60),
    st.sampled_from([1, 600, 10_000]),
)
def test_request_groups_carry_every_record_once_a_batch_a_partition(
    records: list[tuple[int, int]], limit: int
) -> None:
    round_ = batches()
    for partition, size in records:
        round_.append(partition, b"k", b"x" * size, (), None)
    sent = dict.fromkeys(range(4), 0)
    while group := round_.next_request_group(limit):
        assert len({partition for partition, _ in group}) == len(group)
        assert len(group) == 1 or sum(batch.size() for _, batch in group) <= limit
        for partition, batch in group:
            assert batch.size() <= BATCH_BYTES or batch.record_count() == 1
            sent[partition] += batch.record_count()
    assert sent == {each: sum(partition == each for partition, _ in records) for each in range(4)}
    assert round_.records == len(records)


@given(st.integers(0, 4_000), st.booleans())
def test_what_is_accepted_fits_the_largest_batch_and_what_is_refused_leaves_no_trace(
    size: int, in_header: bool
) -> None:
    round_ = batches()
    body = b"x" * size
    with suppress(RecordTooLarge):
        round_.append(0, None, b"" if in_header else body, [("h", body)] if in_header else (), None)
    sizes = [batch.size() for _, batch in round_.next_request_group(1)]
    assert len(sizes) == round_.records
    assert sizes or size > LARGEST_BYTES - 200
    assert all(size <= LARGEST_BYTES for size in sizes)


def test_a_tombstone_is_a_record() -> None:
    round_ = batches()
    round_.append(0, b"k", None, ())
    ((partition, batch),) = round_.next_request_group(1)
    assert (partition, batch.record_count()) == (0, 1)
    with pytest.raises(RecordTooLarge, match="users"):
        round_.append(0, b"k" * 3_000, None, ())


@given(
    key=st.none() | st.integers(0, 2_500),
    value=st.none() | st.integers(0, 2_500),
    headers=st.lists(st.tuples(st.text(max_size=10), st.none() | st.binary(max_size=200)), max_size=20),
)
def test_the_producer_takes_whatever_the_judge_of_the_topic_lets_pass(
    key: int | None, value: int | None, headers: list[tuple[str, bytes | None]]
) -> None:
    key_bytes, value_bytes = (None if size is None else bytes(size) for size in (key, value))
    if OutputTopic("users", 1, LARGEST_BYTES).fits(key_bytes, value_bytes, headers):
        batches().append(0, key_bytes, value_bytes, headers)  # raises nothing


@pytest.mark.parametrize(
    ("topic", "sent"), [("events", EVENT_BYTES), ("dead", DEAD_LETTER_BYTES), ("rows", ROW_BYTES)]
)
def test_of_two_limits_the_smaller_is_the_one_that_holds(topic: str, sent: int) -> None:
    settings = load({})
    names = {
        "events": settings.topic_events,
        "dead": settings.topic_dead_letter,
        "rows": settings.changelogs[0],
    }
    for takes in (1_000, sent - 1, sent, sent + 1, 2**31 - 1):
        found = {names[topic]: TopicDescription(3, "delete", takes)}
        assert output_topic(settings, names[topic], found).largest_record == min(takes, sent)


@pytest.mark.parametrize(
    "limit", [{"unacknowledged_bytes": 1_000}, {"unacknowledged_records": 3}], ids=["bytes", "records"]
)
async def test_there_is_no_more_room_when_too_much_is_unacknowledged(limit: dict[str, Any]) -> None:
    config = ProducerConfig(bootstrap_servers="127.0.0.1:9", linger_seconds=3600.0, **limit)
    producer = GroupCommitProducer(config)
    producer._client = SimpleNamespace(create_batch=lambda: BatchBuilder(BATCH_BYTES, 0))
    producer._loop = asyncio.get_running_loop()
    for number in range(3):
        await producer.room()
        producer.append("users", number % 2, b"k", b"x" * 330)
    waiting = asyncio.create_task(producer.room())
    for _ in range(10):
        await asyncio.sleep(0)
    assert not waiting.done()
    waiting.cancel()


def test_the_size_of_a_round_is_that_of_what_is_not_sent() -> None:
    round_ = batches()
    assert round_.size() == 0
    for partition in (0, 0, 1):
        round_.append(partition, b"k", b"x" * 400, (), None)
    whole = round_.size()
    assert whole > 1_200
    group = round_.next_request_group(10_000)
    assert round_.size() == whole - sum(batch.size() for _, batch in group) > 400
