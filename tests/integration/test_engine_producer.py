"""The group-commit producer on a real broker."""

import asyncio
import gc
import itertools
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import NoReturn

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.produce import ProduceRequest

from app.embedded_kafka import EmbeddedKafka
from app.engine.config import ProducerConfig
from app.engine.departure import end_connections
from app.engine.observer import EngineObserver
from app.engine.producer.producer import GroupCommitProducer, ProducerFailed, RecordTooLarge
from tests.kafka import consume_all, create_topics, end_offsets
from tests.waiting import GIVE_UP_SECONDS, async_wait_until


class Fatal(Exception):
    """In place of the end of the process."""


class Sent(EngineObserver):
    def __init__(self) -> None:
        self.batches = self.retries = 0

    def batches_sent(self, topic: str, batches: int) -> None:
        self.batches += batches

    def batch_retried(self, topic: str) -> None:
        self.retries += 1


def raise_fatal(reason: str) -> NoReturn:
    raise Fatal(reason)


@asynccontextmanager
async def running(
    bootstrap: str,
    heartbeat_age: Callable[[], float | None] = lambda: None,
    clock: Callable[[], float] = time.monotonic,
    observer: EngineObserver | None = None,
    **options: float,
) -> AsyncIterator[GroupCommitProducer]:
    config = ProducerConfig(bootstrap_servers=bootstrap, **options)  # type: ignore[arg-type]
    producer = GroupCommitProducer(
        config, heartbeat_age=heartbeat_age, observer=observer, fatal=raise_fatal, clock=clock
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def test_what_is_flushed_is_in_the_log_in_order_with_all_its_parts(
    broker: str, unique: Callable[[str], str]
) -> None:
    first, second = unique("first"), unique("second")
    create_topics(broker, {first: 3, second: 1})
    async with running(broker, batch_bytes=2_000, round_records=50) as producer:

        async def slice_of(partition: int, numbers: range) -> None:
            for number in numbers:
                producer.append(first, partition, b"key", b"%d" % number)
            await producer.flush()
            # 400 records in batches of 2 KB make several rounds with several batches a partition.

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
    topic = unique("offsets")
    create_topics(broker, {topic: 2})
    offsets: list[tuple[int, int]] = []
    async with running(broker, batch_bytes=1_000) as producer:
        producer.on_acknowledged = lambda topic, partition, base, count: offsets.extend(
            (partition, base + step) for step in range(count)
        )
        for number in range(300):
            producer.append(topic, number % 2, None, b"%d" % number)
            if number % 70 == 0:
                await producer.flush()
        await producer.flush()
    assert sorted(offsets) == [(partition, offset) for partition in range(2) for offset in range(150)]


@pytest.mark.kafka
async def test_a_paused_broker_delays_flush_and_shows_in_the_age(unique: Callable[[str], str]) -> None:
    topic, sent = unique("paused"), Sent()
    with EmbeddedKafka() as kafka:
        create_topics(kafka.bootstrap, {topic: 1})
        async with running(kafka.bootstrap, observer=sent, request_timeout_seconds=1.0) as producer:
            producer.append(topic, 0, None, b"before")
            await producer.flush()
            kafka.pause()
            producer.append(topic, 0, None, b"during")
            waiting = asyncio.ensure_future(producer.flush())
            await async_wait_until(lambda: _is(producer.oldest_round_age() > 1.0), "an old round")
            await async_wait_until(lambda: _is(sent.retries > 0), "a batch is sent again")
            assert not waiting.done()
            assert sent.batches == 1
            kafka.resume()
            await waiting
            assert sent.batches == 2
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
        producer = GroupCommitProducer(config, fatal=raise_fatal)
        await producer.start()
        kafka.pause()
        producer.append(topic, 0, None, b"not lost: it was never acknowledged")
        await producer.stop()
        assert "no broker acknowledged" in caplog.text
        with pytest.raises(RuntimeError, match="not running"):
            producer.append(unique("other"), 0, None, b"late")
        kafka.resume()


@pytest.mark.kafka
async def test_connections_are_ended_when_the_broker_has_handled_what_was_sent(
    unique: Callable[[str], str],
) -> None:
    topic = unique("ended")
    with EmbeddedKafka() as kafka:
        create_topics(kafka.bootstrap, {topic: 1})
        async with running(kafka.bootstrap) as producer:
            producer.append(topic, 0, None, b"before")
            await producer.flush()
            kafka.pause()
            producer.append(topic, 0, None, b"sent")
            await async_wait_until(lambda: _is(_is_sent(producer)), "the record is sent")
            assert not end_connections(producer.sockets(), 0.2)
            kafka.resume()
            assert end_connections(producer.sockets(), GIVE_UP_SECONDS)
            assert end_offsets(kafka.bootstrap, topic) == {0: 2}
            # This process does not end, so its producer connects again.
            await producer.flush()
        assert [r.value for r in consume_all(kafka.bootstrap, topic)] == [b"before", b"sent"]


def _is_sent(producer: GroupCommitProducer) -> bool:
    """Returns whether a request with records waits for its answer."""
    assert producer._client is not None
    connections = producer._client.client._conns.values()
    return any(
        request.API_KEY == ProduceRequest.API_KEY
        for connection in connections
        for _, request, _ in connection._requests
    )


async def test_a_producer_that_finds_no_broker_says_so_and_leaves_nothing_open() -> None:
    producer = GroupCommitProducer(ProducerConfig(bootstrap_servers="127.0.0.1:9"))
    with pytest.raises(KafkaConnectionError):
        await producer.start()
    await producer.stop()
    gc.collect()  # an open client would cause a warning, which is an error here


async def test_a_record_that_no_batch_can_carry_is_refused_at_once(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("large")
    create_topics(broker, {topic: 1})
    async with running(broker, batch_bytes=1_000, largest_batch_bytes=10_000) as producer:
        producer.append(topic, 0, None, b"x" * 9_900)  # larger than a usual batch, but it fits into one
        with pytest.raises(RecordTooLarge):
            producer.append(topic, 0, None, b"x" * 10_000)
        with pytest.raises(RecordTooLarge):
            producer.append(topic, 0, b"k", b"x", headers=[("h", b"x" * 10_000)])
        producer.append(topic, 0, None, b"small")
        await producer.flush()
    assert [len(r.value or b"") for r in await asyncio.to_thread(consume_all, broker, topic)] == [9_900, 5]


async def test_a_refused_write_fails_everything_that_waits(broker: str, unique: Callable[[str], str]) -> None:
    topic = unique("refusing")
    create_topics(broker, {topic: 1}, max_message_bytes="1000")
    reasons = []

    def end(reason: str) -> NoReturn:
        reasons.append(reason)
        raise Fatal(reason)

    producer = GroupCommitProducer(ProducerConfig(bootstrap_servers=broker), fatal=end)
    asyncio.get_running_loop().set_exception_handler(
        lambda loop, context: None
    )  # for Fatal, which leaves its task
    await producer.start()
    try:
        producer.append(topic, 0, None, b"x" * 5_000)
        waiting = [producer.flush(), producer.flush()]
        for each in waiting:
            with pytest.raises(ProducerFailed):
                await each
        with pytest.raises(ProducerFailed):
            producer.flush()
        with pytest.raises(ProducerFailed):
            producer.append(topic, 0, None, b"more")
        assert reasons == [f"a write to {topic} failed: MessageSizeTooLargeError"]
    finally:
        await producer.stop()


async def test_a_round_waits_for_a_heartbeat_and_in_the_end_is_never_sent(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("heartbeat")
    create_topics(broker, {topic: 1})
    ages: Iterator[float | None] = itertools.chain([None, 10.2, 10.4, 0.1], itertools.repeat(10.1))
    now = 0.0

    def look() -> float | None:
        # Time passes with each look alone, so the third one is in time on a busy machine, too.
        nonlocal now
        now += 0.05
        return next(ages)

    asyncio.get_running_loop().set_exception_handler(lambda loop, context: None)
    async with running(broker, look, lambda: now, heartbeat_patience_seconds=0.2) as producer:
        for value in (b"one", b"two"):
            producer.append(topic, 0, None, value)
            await producer.flush()
        producer.append(topic, 0, None, b"three")
        with pytest.raises(ProducerFailed, match=r"was not sent: no heartbeat was answered for 10\.1 s"):
            await producer.flush()
    assert [r.value for r in await asyncio.to_thread(consume_all, broker, topic)] == [b"one", b"two"]


def test_a_failed_write_ends_the_process_with_nothing_acknowledged(
    broker: str, unique: Callable[[str], str]
) -> None:
    topic = unique("fatal")
    create_topics(broker, {topic: 1}, max_message_bytes="1000")
    ended = _run_writer(broker, topic, [10, 5_000, 10])
    assert ended.returncode == 70
    assert ended.stdout == "flushed 10\n"
    assert _said(ended) == [f"stopping to protect data: a write to {topic} failed: MessageSizeTooLargeError"]
    assert len(consume_all(broker, topic)) == 1


def test_a_producer_that_is_stopped_leaves_no_warning(broker: str, unique: Callable[[str], str]) -> None:
    topic = unique("clean")
    create_topics(broker, {topic: 1})
    ended = _run_writer(broker, topic, [10])
    assert (ended.returncode, ended.stdout, _said(ended)) == (0, "flushed 10\n", [])


def _said(ended: "subprocess.CompletedProcess[str]") -> list[str]:
    """Returns the lines on stderr. On a busy machine asyncio's debug mode also says how long a step of the
    loop took."""
    return [line for line in ended.stderr.splitlines() if not line.startswith("Executing <")]


def _run_writer(broker: str, topic: str, sizes: list[int]) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-X", "dev", "-m", "tests.engine.toy_writer", broker, topic, *map(str, sizes)],
        capture_output=True,
        text=True,
        timeout=GIVE_UP_SECONDS,
        check=False,
    )


async def _is(value: bool) -> bool:
    return value
