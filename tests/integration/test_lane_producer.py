"""The group-commit producer on a real broker."""

import asyncio
import gc
import itertools
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest
from aiokafka.errors import KafkaConnectionError

from app.embedded_kafka import EmbeddedKafka
from app.lane.producer import GroupProducer, ProducerFailed, RecordTooLarge
from app.lane.producer_config import ProducerConfig
from tests.kafka import consume_all, create_topics
from tests.waiting import GIVE_UP_SECONDS, async_wait_until


class Fatal(Exception):
    """Stands for the end of the process."""


def raise_fatal(reason: str) -> NoReturn:
    raise Fatal(reason)


@asynccontextmanager
async def running(
    bootstrap: str, lease: Callable[[], float | None] = lambda: None, **options: float
) -> AsyncIterator[GroupProducer]:
    config = ProducerConfig(bootstrap_servers=bootstrap, **options)  # type: ignore[arg-type]
    producer = GroupProducer(config, lease=lease, fatal=raise_fatal)
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_what_is_synced_is_in_the_log_in_order_with_all_its_parts(
    broker: str, unique: Callable[[str], str]
) -> None:
    first, second = unique("first"), unique("second")
    create_topics(broker, {first: 3, second: 1})
    async with running(broker, batch_bytes=2_000, round_records=50) as producer:

        async def slice_of(partition: int, numbers: range) -> None:
            for number in numbers:
                producer.append(first, partition, b"key", b"%d" % number)
            await producer.sync()
            # 400 records of 2 KB batches: several rounds, several batches a partition in each.

        producer.append(second, 0, b"k", None, headers=[("h", b"v")])
        await asyncio.gather(
            *(
                slice_of(partition, range(200 * step, 200 * (step + 1)))
                for step in (0, 1)
                for partition in range(3)
            )
        )
        assert producer.oldest_round_age() == 0.0
    records = await asyncio.to_thread(consume_all, broker, first)
    for partition in range(3):
        values = [int(r.value or b"") for r in records if r.partition == partition]
        assert values == list(range(400))
    (tombstone,) = await asyncio.to_thread(consume_all, broker, second)
    assert (tombstone.key, tombstone.value) == (b"k", None)
    assert tombstone.headers == [("h", b"v")]


async def test_acknowledgements_name_every_offset_once(broker: str, unique: Callable[[str], str]) -> None:
    topic = unique("places")
    create_topics(broker, {topic: 2})
    places: list[tuple[int, int]] = []
    async with running(broker, batch_bytes=1_000) as producer:
        producer.on_acknowledged = lambda topic, partition, base, count: places.extend(
            (partition, base + step) for step in range(count)
        )
        for number in range(300):
            producer.append(topic, number % 2, None, b"%d" % number)
            if number % 70 == 0:
                await producer.sync()
        await producer.sync()
    assert sorted(places) == [(partition, offset) for partition in range(2) for offset in range(150)]


@pytest.mark.kafka
async def test_a_paused_broker_delays_sync_and_shows_in_the_age(unique: Callable[[str], str]) -> None:
    topic = unique("paused")
    with EmbeddedKafka() as kafka:
        create_topics(kafka.bootstrap, {topic: 1})
        async with running(kafka.bootstrap) as producer:
            producer.append(topic, 0, None, b"before")
            await producer.sync()
            kafka.pause()
            producer.append(topic, 0, None, b"during")
            waiting = asyncio.ensure_future(producer.sync())
            await async_wait_until(lambda: _is(producer.oldest_round_age() > 1.0), "an old round")
            assert not waiting.done()
            kafka.resume()
            await waiting
            assert producer.oldest_round_age() == 0.0
        assert [r.value for r in consume_all(kafka.bootstrap, topic)] == [b"before", b"during"]


@pytest.mark.kafka
async def test_stopping_gives_up_on_a_broker_that_does_not_answer(
    unique: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    topic = unique("silent")
    with EmbeddedKafka() as kafka:
        create_topics(kafka.bootstrap, {topic: 1})
        config = ProducerConfig(bootstrap_servers=kafka.bootstrap, stop_timeout_seconds=0.5)
        producer = GroupProducer(config, fatal=raise_fatal)
        await producer.start()
        kafka.pause()
        producer.append(topic, 0, None, b"lost to nobody: it was never acknowledged")
        await producer.stop()
        assert "no broker acknowledged" in caplog.text
        with pytest.raises(RuntimeError, match="not running"):
            producer.append(unique("other"), 0, None, b"late")
        kafka.resume()


async def test_a_producer_that_finds_no_broker_says_so_and_leaves_nothing_open() -> None:
    producer = GroupProducer(ProducerConfig(bootstrap_servers="127.0.0.1:9"))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    gc.collect()  # an unclosed client would warn, and a warning is an error here


async def test_a_record_that_no_batch_can_carry_is_refused_at_once(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("large")
    create_topics(broker, {topic: 1})
    async with running(broker, batch_bytes=1_000, largest_batch_bytes=10_000) as producer:
        producer.append(topic, 0, None, b"x" * 9_900)  # larger than a batch rolls over at, but it fits one
        with pytest.raises(RecordTooLarge):
            producer.append(topic, 0, None, b"x" * 10_000)
        with pytest.raises(RecordTooLarge):
            producer.append(topic, 0, b"k", b"x", headers=[("h", b"x" * 10_000)])
        producer.append(topic, 0, None, b"small")
        await producer.sync()
    assert [len(r.value or b"") for r in await asyncio.to_thread(consume_all, broker, topic)] == [9_900, 5]


async def test_a_refused_write_fails_everything_that_waits(broker: str, unique: Callable[[str], str]) -> None:
    topic = unique("refusing")
    create_topics(broker, {topic: 1}, max_message_bytes="1000")
    reasons = []

    def note(reason: str) -> NoReturn:
        reasons.append(reason)
        raise Fatal(reason)

    producer = GroupProducer(ProducerConfig(bootstrap_servers=broker), fatal=note)
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)  # Fatal, out of its task
    await producer.start()
    try:
        producer.append(topic, 0, None, b"x" * 5_000)
        waiting = [producer.sync(), producer.sync()]
        for each in waiting:
            with pytest.raises(ProducerFailed):
                await each
        with pytest.raises(ProducerFailed):
            producer.sync()
        with pytest.raises(ProducerFailed):
            producer.append(topic, 0, None, b"more")
        assert reasons == [f"a write to {topic} failed: MessageSizeTooLargeError"]
    finally:
        await producer.stop()


async def test_a_round_waits_for_a_heartbeat_and_in_the_end_is_never_sent(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("leased")
    create_topics(broker, {topic: 1})
    ages: Iterator[float | None] = itertools.chain([None, 10.2, 10.4, 0.1], itertools.repeat(10.1))
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with running(broker, lease=lambda: next(ages), lease_patience_seconds=0.2) as producer:
        for value in (b"one", b"two"):
            producer.append(topic, 0, None, value)
            await producer.sync()
        producer.append(topic, 0, None, b"three")
        with pytest.raises(ProducerFailed, match=r"was held: no heartbeat answered for 10\.1 s"):
            await producer.sync()
    assert [r.value for r in await asyncio.to_thread(consume_all, broker, topic)] == [b"one", b"two"]


async def test_a_slice_out_of_order_is_fatal(broker: str) -> None:
    async with running(broker) as producer:
        producer.enter("source", 0, 10, 19, generation=1)
        producer.enter("source", 1, 0, 5, generation=1)
        producer.enter("source", 0, 5, 9, generation=2)
        with pytest.raises(Fatal, match="source/0 9-9 of generation 2 came after offset 9"):
            producer.enter("source", 0, 9, 9, generation=2)


def test_a_failed_write_ends_the_process_with_nothing_acknowledged(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("fatal")
    create_topics(broker, {topic: 1}, max_message_bytes="1000")
    ended = _run_writer(broker, topic, [10, 5_000, 10])
    assert ended.returncode == 70
    assert ended.stdout == "synced 10\n"
    (line,) = ended.stderr.splitlines()
    assert line == f"stopping to protect data: a write to {topic} failed: MessageSizeTooLargeError"
    assert len(consume_all(broker, topic)) == 1


def test_a_producer_that_is_stopped_leaves_no_warning(broker: str, unique: Callable[[str], str]) -> None:
    topic = unique("clean")
    create_topics(broker, {topic: 1})
    ended = _run_writer(broker, topic, [10])
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "synced 10\n", "")


def _run_writer(broker: str, topic: str, sizes: list[int]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.lane.toy_writer", broker, topic, *map(str, sizes)],
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


async def _is(value: bool) -> bool:
    return value
