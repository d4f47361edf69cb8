"""Asks the brokers again and again where logs end, for the lag, when the oldest dead letter was written, and
what time it is.

It has a client of its own, which is in no group, so it goes on if the consumer stands still or is kept out of
its group. It needs no other rights than the worker, but for the time.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from typing import Final

from aiokafka.errors import KafkaError

from app.engine.consumer.consumer_health import ConsumerHealth
from app.engine.consumer.lag import LagBook, NextRecord, PartitionLag
from app.engine.fatal import describe
from app.engine.log_reader import LogReader, ReadSession
from app.engine.slices import Partition
from app.engine.tables.write_ledger import LogPartition

POLL_SECONDS: Final = 10.0
# If no broker answers, aiokafka writes a line for each attempt.
_AFTER_FAILURE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 1.0
# How long one poll may take. A partition without a leader has no answer, so each topic has a limit.
_WHOLE_SECONDS: Final = 10.0
_TOPIC_SECONDS: Final = 2.0
_CLOCK_SECONDS: Final = 60.0
"""From this difference on the clocks make lag, latencies and `bad_time` wrong."""


logger = logging.getLogger(__name__)


class LogWatch:
    """What the brokers last said of the logs of one worker."""

    def __init__(
        self,
        reader: LogReader,
        health: Callable[[], ConsumerHealth],
        dead_letters: str,
        wall: Callable[[], float] = time.time,
    ) -> None:
        """`reader` should fetch little at a time, as one record of a log is read. `dead_letters` is the name
        of the dead-letter topic. `wall` returns the time in seconds since 1970."""
        self._reader = reader
        self._health = health
        self._dead_letters = dead_letters
        self._wall = wall
        self._book = LagBook()
        self._asked: set[Partition] = set()
        self._oldest: int | None = None
        self._oldest_at: float | None = None
        self._ahead: float | None = None

    def lags(self) -> dict[Partition, PartitionLag]:
        """Returns the lag of each assigned partition that is not paused. Those of which no broker has said
        where they end are left out."""
        return self._book.lags(self._next_records(), self._wall(), time.monotonic())

    def oldest_dead_letter(self) -> float | None:
        """Returns the age in seconds of the oldest dead letter that the topic still has; 0.0 if there is
        none, None if nobody knows."""
        if self._oldest_at is None:
            return None
        return 0.0 if self._oldest is None else max(self._wall() - self._oldest / 1000, 0.0)

    def clock_difference(self) -> float | None:
        """Returns by how many seconds this machine's clock is ahead of that of the brokers, negative if it is
        behind; None if nobody knows."""
        return self._ahead

    async def run(self) -> None:
        """Polls every POLL_SECONDS, and when partitions are assigned, until it is cancelled."""
        due = 0.0
        while True:
            waiting = self._next_records()
            self._book.look(waiting, time.monotonic())
            new = waiting.keys() - self._asked
            if new or time.monotonic() >= due:
                answered = await self.poll()
                due = time.monotonic() + (POLL_SECONDS if answered else _AFTER_FAILURE_SECONDS)
            await asyncio.sleep(_LOOK_SECONDS)

    async def poll(self) -> bool:
        """Polls once, and returns whether a broker answered. What no broker says stays as it was."""
        waiting = self._next_records()
        self._asked = set(waiting)
        self._book.keep(waiting)
        try:
            async with asyncio.timeout(_WHOLE_SECONDS), self._reader.session() as session:
                for topic in sorted({topic for topic, _ in waiting}):
                    await self._poll_topic(session, topic)
                await self._poll_dead_letters(session)
                await self._compare_clocks(session)
                await self._read_next(session)
        except (KafkaError, OSError):  # TimeoutError is an OSError
            return False
        except Exception as problem:  # noqa: BLE001 - no metric is worth the end of the worker
            logger.warning("the ends of the logs cannot be polled: %s", describe(problem))
            return False
        return True

    def _next_records(self) -> Mapping[Partition, NextRecord]:
        health = self._health()
        paused = health.paused()
        return {each: found for each, found in health.next_records().items() if each not in paused}

    async def _poll_topic(self, session: ReadSession, topic: str) -> None:
        try:
            async with asyncio.timeout(_TOPIC_SECONDS):
                # aiokafka asks again and again for the offsets of what is not there.
                there = {(topic, number) for number in await session.partitions_of(topic)}
                ends = await session.ends([LogPartition(*each) for each in self._asked & there])
        except (KafkaError, OSError):
            return
        self._book.polled({(log.topic, log.partition): end for log, end in ends.items()}, time.monotonic())

    async def _read_next(self, session: ReadSession) -> None:
        """Reads the next record of each partition that lags and has nothing in flight."""
        for partition, (first, end) in self._book.unread(self._next_records(), time.monotonic()).items():
            stamp = await session.next_stamp(LogPartition(*partition), first, end)
            self._book.read(partition, first, -1 if stamp is None else stamp)

    async def _poll_dead_letters(self, session: ReadSession) -> None:
        async with asyncio.timeout(_TOPIC_SECONDS):
            self._oldest = await session.oldest_stamp(self._dead_letters)
        self._oldest_at = time.monotonic()

    async def _compare_clocks(self, session: ReadSession) -> None:
        async with asyncio.timeout(_TOPIC_SECONDS):
            ahead = await session.clock_difference(self._wall)
        was_wrong, self._ahead = _is_wrong(self._ahead), ahead
        if ahead is not None and _is_wrong(ahead) is not was_wrong:
            if was_wrong:
                logger.warning("no longer: the clock of this machine is right again")
            else:
                side = "ahead of" if ahead > 0 else "behind"
                logger.error("the clock of this machine is %.0f s %s that of the brokers", abs(ahead), side)


def _is_wrong(ahead: float | None) -> bool:
    return ahead is not None and abs(ahead) >= _CLOCK_SECONDS
