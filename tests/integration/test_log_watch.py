"""The lag of partitions on a real broker, without any consumer that moves."""

import re
import time
from collections.abc import Callable

import pytest

from app.embedded_kafka.properties import free_ports
from app.engine import LogWatch, ReaderConfig
from app.engine.consumer.lag import NextRecord
from app.engine.log_reader import LogReader
from app.engine.slices import Partition
from app.settings import Settings
from app.worker_options import log_watch_options
from tests.kafka import ToSend, create_topics, produce

# Brokers delete what is older than a topic's retention.
HOUR_AGO = int(time.time() - 3_600) * 1000
MINUTE_MS = 60_000


class StillConsumer:
    """Stands in for a consumer that stands still: what it has committed, and what is paused."""

    def __init__(self) -> None:
        self.records: dict[Partition, NextRecord] = {}
        self.stopped: set[Partition] = set()

    def next_records(self) -> dict[Partition, NextRecord]:
        return self.records

    def paused(self) -> set[Partition]:
        return self.stopped


def waiting(offset: int) -> NextRecord:
    return NextRecord(offset, offset, None)


async def test_lag_needs_no_consumer(broker: str, unique: Callable[[str], str]) -> None:
    topic, other, missing = unique("vendor"), unique("events"), unique("missing")
    letters = unique("dead-letter")
    create_topics(broker, {topic: 4, other: 1, letters: 2})
    # Each minute one record; a batch has several of them.
    records = [ToSend(None, b"x" * 100, [], HOUR_AGO + number * MINUTE_MS, 0) for number in range(30)]
    records += [ToSend(None, b"x", [], HOUR_AGO, partition) for partition in (1, 2)]
    produce(broker, topic, records)
    produce(
        broker, letters, [ToSend(None, b"x", [], HOUR_AGO + MINUTE_MS, 0), ToSend(None, b"x", [], None, 1)]
    )
    health = StillConsumer()
    watch = LogWatch(
        LogReader(log_watch_options(Settings(broker_url=broker))),
        lambda: health,  # type: ignore[arg-type,return-value]
        letters,
        lambda: HOUR_AGO / 1000 + 3_600,
    )
    health.records = {
        (topic, 0): waiting(7),
        (topic, 1): waiting(1),
        (topic, 2): waiting(0),
        (topic, 3): waiting(0),
        (other, 0): NextRecord(0, 2, HOUR_AGO),
        (missing, 0): waiting(0),
    }
    health.stopped = {(topic, 2)}
    assert watch.lags() == {}
    assert watch.oldest_dead_letter() is None
    assert await watch.poll()
    lags = watch.lags()
    assert {partition: lag.records for partition, lag in lags.items()} == {
        (topic, 0): 23,
        (topic, 1): 0,
        (topic, 3): 0,
        (other, 0): 2,
    }
    assert {partition: lag.seconds for partition, lag in lags.items()} == {
        (topic, 0): 3_600 - 7 * 60,
        (topic, 1): 0.0,
        (topic, 3): 0.0,
        (other, 0): 3_600,
    }
    assert watch.oldest_dead_letter() == 3_600 - 60
    # The consumer has moved, and is assigned other partitions.
    health.records = {(topic, 0): waiting(12), (topic, 2): waiting(0)}
    health.stopped = set()
    assert {partition: lag.records for partition, lag in watch.lags().items()} == {(topic, 0): 18}
    assert await watch.poll()
    assert {each: (lag.records, lag.seconds) for each, lag in watch.lags().items()} == {
        (topic, 0): (18, 3_600 - 12 * 60),
        (topic, 2): (1, 3_600),
    }


async def test_clocks_that_differ_are_said_once(
    broker: str, unique: Callable[[str], str], caplog: pytest.LogCaptureFixture
) -> None:
    health, late = StillConsumer(), [-3_600.0]
    watch = LogWatch(
        LogReader(log_watch_options(Settings(broker_url=broker))),
        lambda: health,  # type: ignore[arg-type,return-value]
        unique("dead-letter"),
        lambda: time.time() + late[0],
    )
    assert watch.clock_difference() is None

    async def difference(seconds: float) -> int:
        late[0] = seconds
        assert await watch.poll()
        return round((watch.clock_difference() or 0.0) / 3_600)

    assert [await difference(seconds) for seconds in (-3_600, -3_600, 3_600, 0)] == [-1, -1, 1, 0]
    said = [record.getMessage() for record in caplog.records if record.name == "app.engine.log_watch"]
    assert len(said) == 2
    assert re.fullmatch(r"the clock of this machine is \d+ s behind that of the brokers", said[0])
    assert said[1] == "no longer: the clock of this machine is right again"


async def test_without_a_broker_nothing_is_known() -> None:
    health = StillConsumer()
    health.records = {("t", 0): waiting(5)}
    (port,) = free_ports(1)
    reader = LogReader(ReaderConfig(bootstrap_servers=f"127.0.0.1:{port}"))
    watch = LogWatch(reader, lambda: health, "d")  # type: ignore[arg-type,return-value]
    assert not await watch.poll()
    assert watch.lags() == {}
    assert watch.oldest_dead_letter() is None
