"""What the HTTP server and the operators need of a running worker: its problems, its gauges, `pause` and
`resume`."""

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Final

from app.dead_letter_limit import DeadLetterLimit
from app.engine import (
    GroupCommitProducer,
    LogWatch,
    Partition,
    PartitionLag,
    RestoreReport,
    SliceApp,
    UserTables,
    Watchdog,
    consumer_of,
    restore_report,
)
from app.errors import ResumeRefused
from app.metrics import Metrics
from app.pause_reasons import by_operator, pause_problems, shown_reasons
from app.settings import Settings
from app.topic_watch import TopicWatch
from app.topics import EVENTS, topic_called

# The limit of /healthz if the watchdog is off.
_STUCK_SECONDS: Final = 60.0
_COUNT_SECONDS: Final = 60.0
# How long a client that is asking the brokers may take to close.
_END_SECONDS: Final = 2.0
_POSITION: Final = re.compile(r"([A-Za-z0-9._-]+)/([0-9]{1,9})/([0-9]{1,19})")

logger = logging.getLogger(__name__)


class Operations:
    """Reads the state of one worker. Only `pause` and `resume` change anything."""

    def __init__(
        self,
        settings: Settings,
        metrics: Metrics,
        app: SliceApp,
        producers: tuple[GroupCommitProducer, ...],
        tables: UserTables,
        limits: Mapping[str, DeadLetterLimit],
        topics: TopicWatch,
        logs: LogWatch,
    ) -> None:
        self.settings = settings
        self.metrics = metrics
        self.names = (*settings.vendor_names, EVENTS)
        """What operators call the topics that this worker reads."""
        self._app = app
        self._producers = producers
        self._tables = tables
        self._limits = limits
        self._topics = topics
        self._logs = logs

    def problems(self) -> list[str]:
        """Returns why the worker is not ready, one line each; empty if it is."""
        consumer = consumer_of(self._app)
        reasons = []
        if not self._app.tables.actives_ready:
            reasons.append(f"the tables are being restored{_told(self.restore())}")
        if self._app.rebalancing:
            reasons.append("the group is rebalancing")
        longest = self.settings.session_timeout
        if consumer.health.group_problem:
            reasons.append(consumer.health.group_problem)
        elif consumer.health.last_heartbeat_age() > longest:
            reasons.append("the group's coordinator does not answer")
        if self.oldest_write() > longest:
            reasons.append("the brokers do not acknowledge writes")
        for name, partitions in self.paused().items():
            reasons += pause_problems(name, partitions, consumer.resumption.withheld())
        reasons += [
            f"an open transaction holds back {topic}/{partition}"
            for topic, partition in consumer.health.long_held_back()
        ]
        return reasons + self._topics.problems()

    def stuck(self) -> list[str]:
        """Returns why only a restart can help, one line each; empty if the worker turns. An outage of the
        brokers and a paused vendor are no such reasons."""
        consumer, limit = consumer_of(self._app), self.settings.watchdog_seconds or _STUCK_SECONDS
        loop, group = consumer.health.loop_silence(), consumer.health.group_silence()
        reasons = []
        if loop > limit:
            reasons.append(f"the loop of the consumer's thread has not turned for {loop:.0f} s")
        if group > consumer.config.absence_limit:
            reasons.append(f"the group has not answered for {group:.0f} s, although brokers answer")
        return reasons

    def restore(self) -> RestoreReport | None:
        """Returns how far the restore of the tables has come; None if none is under way."""
        return restore_report(self._app)

    def paused(self) -> dict[str, dict[Partition, str]]:
        """Returns the vendors that have paused partitions in this worker, and EVENTS if the canonical topic
        has, each with those partitions and the reasons. They stay paused until an operator resumes them."""
        partitions = consumer_of(self._app).resumption.paused()
        found = {
            name: {each: why for each, why in partitions.items() if each[0] == self.topic(name)}
            for name in self.names
        }
        return {name: those for name, those in found.items() if those}

    def paused_reasons(self) -> dict[Partition, str]:
        """Returns the paused partitions of this worker, each with its reason in a form that may be shown."""
        resumption = consumer_of(self._app).resumption
        return shown_reasons(resumption.paused(), resumption.withheld())

    def lags(self) -> dict[Partition, PartitionLag]:
        """Returns the lag of each assigned partition that is not paused, as far as it is known."""
        return self._logs.lags()

    def committed(self) -> dict[Partition, int]:
        """Returns the committed offset of each assigned partition that the worker reads."""
        return {each: found.offset for each, found in consumer_of(self._app).health.next_records().items()}

    async def pause(self, name: str, words: str = "") -> int:
        """Pauses the partitions of a vendor, or of the canonical topic (EVENTS), that this worker has, and
        returns their number. `words`: why, as the operator says it. One that is paused already keeps its
        reason.

        Raises KeyError for an unknown name, VendorNotRead for a vendor that is not in VENDORS, PauseRefused
        for words that are no short line, and NotCommitted if the group rebalances; then it can be tried
        again.
        """
        topic, reason = self.topic(name), by_operator(words)
        partitions = await consumer_of(self._app).resumption.pause(topic, reason)
        if partitions:
            logger.warning("%s is paused %s (%d partitions)", name, reason, partitions)
        return partitions

    async def resume(self, name: str, skip: str = "") -> int:
        """Resumes the paused partitions of a vendor, or of the canonical topic (EVENTS), in this worker, and
        returns their number. `skip`: the position of a record of theirs that becomes a dead letter unread,
        `topic/partition/offset`; empty: none.

        Raises KeyError for an unknown name, VendorNotRead for a vendor that is not in VENDORS, ResumeRefused
        if that record cannot be skipped, and NotCommitted if the group rebalances; then it can be tried
        again.
        """
        topic, resumption = self.topic(name), consumer_of(self._app).resumption
        position = await self._skippable(topic, skip) if skip else None
        resumed = resumption.resume(topic, position)
        if name in self._limits:
            self._limits[name].resume(resumed)
        await resumption.commit_resumed(resumed)
        if resumed:
            logger.warning("%s is resumed by an operator (%d partitions)", name, len(resumed))
        return len(resumed)

    def topic(self, name: str) -> str:
        """Returns the topic of a vendor, or the canonical one (EVENTS). Raises KeyError for another name, and
        VendorNotRead for a vendor that is not in VENDORS."""
        return topic_called(self.settings, name)

    async def _skippable(self, topic: str, skip: str) -> tuple[Partition, int]:
        match = _POSITION.fullmatch(skip)
        if match is None:
            raise ResumeRefused("--skip: expected TOPIC/PARTITION/OFFSET")
        partition, offset = (match[1], int(match[2])), int(match[3])
        resumption = consumer_of(self._app).resumption
        if partition[0] != topic:
            raise ResumeRefused(f"--skip: expected a record of {topic}")
        if partition not in resumption.paused():
            raise ResumeRefused(f"--skip: {topic}/{partition[1]} is not paused in this worker")
        offsets = await resumption.skippable(partition)
        if offsets is None:
            raise ResumeRefused("--skip: the brokers do not say which offsets there are")
        if not offsets:
            raise ResumeRefused(f"--skip: no further record of {topic}/{partition[1]} can be skipped")
        if offset not in offsets:
            raise ResumeRefused(f"--skip: expected an offset from {offsets[0]} to {offsets[-1]}")
        if partition not in resumption.paused():
            raise ResumeRefused(f"--skip: {topic}/{partition[1]} is not paused in this worker")
        return partition, offset

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """Asks the brokers for the lag, and counts the bytes of the rows, while the context is open. Enter it
        in the worker's event loop."""
        tasks = [asyncio.create_task(each) for each in (self._logs.run(), self._count_bytes())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks, timeout=_END_SECONDS)

    async def _count_bytes(self) -> None:
        while True:
            for table in (self._tables.users, self._tables.loyalty):
                self.metrics.flow.table_bytes.labels(table.name).set(await table.byte_count())
            await asyncio.sleep(_COUNT_SECONDS)

    def watchdog(self) -> AbstractContextManager[object]:
        """Returns the context in which a hung process is ended. Enter it in the worker's event loop, right
        before the worker runs. It does nothing if WATCHDOG_SECONDS is 0."""
        limit = self.settings.watchdog_seconds
        if limit == 0:
            return nullcontext()
        consumer = consumer_of(self._app)
        return Watchdog(
            limit,
            lambda: consumer.health.progress(self.oldest_write()),
            absence_limit=consumer.config.absence_limit,
        )

    def row_counts(self) -> dict[str, int]:
        """Returns the number of rows of each table in this worker's partitions."""
        return {each.name: each.row_count() for each in (self._tables.users, self._tables.loyalty)}

    def oldest_dead_letter(self) -> float | None:
        """Returns the age in seconds of the oldest dead letter that the topic still has; 0.0 if there is
        none, None if it is not known."""
        return self._logs.oldest_dead_letter()

    def clock_difference(self) -> float | None:
        """Returns by how many seconds this machine's clock is ahead of that of the brokers; None if they do
        not tell."""
        return self._logs.clock_difference()

    def commit_age(self) -> float:
        """Returns the age in seconds of the oldest dispatched record that is not committed; 0.0 if there is
        none."""
        return consumer_of(self._app).health.commit_age()

    def held_back(self) -> dict[Partition, float]:
        """Returns for how many seconds an open transaction has held back each partition that waits for
        one."""
        return consumer_of(self._app).health.held_back()

    def oldest_write(self) -> float:
        """Returns the age in seconds of the oldest write that the brokers have not acknowledged yet; 0 if
        there is none."""
        return max(producer.oldest_round_age() for producer in self._producers)


def _told(report: RestoreReport | None) -> str:
    if report is None:
        return ""
    left = "" if report.seconds_left is None else f", about {report.seconds_left:.0f} s left"
    return f": {report.rows_read} rows read, at most {report.rows_to_go} to go{left}"
