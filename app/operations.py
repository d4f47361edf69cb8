"""What the HTTP server and the operators need of a running worker: its problems, its gauges, `pause` and
`resume`."""

import logging
import re
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from math import nan
from typing import Final

from app.dead_letter_limit import DeadLetterLimit
from app.engine import (
    GroupCommitProducer,
    Partition,
    RestoreReport,
    SliceApp,
    UserTables,
    Watchdog,
    consumer_of,
    restore_report,
)
from app.errors import ResumeRefused
from app.metrics import Metrics
from app.pause_reasons import by_operator, is_by_operator, pause_problems
from app.settings import Settings
from app.topic_watch import TopicWatch
from app.topics import EVENTS, topic_called

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
        if self._oldest_write() > longest:
            reasons.append("the brokers do not acknowledge writes")
        for name, partitions in self.paused().items():
            reasons += pause_problems(name, partitions, consumer.resumption.withheld())
        reasons += [
            f"an open transaction holds back {topic}/{partition}"
            for topic, partition in consumer.health.long_held_back()
        ]
        return reasons + self._topics.problems()

    def restore(self) -> RestoreReport | None:
        """Returns how far the restore of the tables has come; None if none is under way."""
        return restore_report(self._app)

    def paused(self) -> dict[str, dict[Partition, str]]:
        """Returns the vendors that have paused partitions in this worker, and EVENTS if the canonical topic
        has, each with those partitions and the reasons. They stay paused until an operator resumes them."""
        partitions = consumer_of(self._app).resumption.paused()
        found = {
            name: {each: why for each, why in partitions.items() if each[0] == self._topic(name)}
            for name in self.names
        }
        return {name: those for name, those in found.items() if those}

    async def pause(self, name: str, words: str = "") -> int:
        """Pauses the partitions of a vendor, or of the canonical topic (EVENTS), that this worker has, and
        returns their number. `words`: why, as the operator says it. One that is paused already keeps its
        reason.

        Raises KeyError for an unknown name, VendorNotRead for a vendor that is not in VENDORS, PauseRefused
        for words that are no short line, and NotCommitted if the group rebalances; then it can be tried
        again.
        """
        topic, reason = self._topic(name), by_operator(words)
        partitions = await consumer_of(self._app).resumption.pause(topic, reason)
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
        topic, resumption = self._topic(name), consumer_of(self._app).resumption
        position = await self._skippable(topic, skip) if skip else None
        resumed = resumption.resume(topic, position)
        if name in self._limits:
            self._limits[name].resume(resumed)
        await resumption.commit_resumed(resumed)
        if resumed:
            logger.warning("%s is resumed by an operator (%d partitions)", name, len(resumed))
        return len(resumed)

    def _topic(self, name: str) -> str:
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

    def watchdog(self) -> AbstractContextManager[object]:
        """Returns the context in which a hung process is ended. Enter it in the worker's event loop, right
        before the worker runs. It does nothing if WATCHDOG_SECONDS is 0."""
        limit = self.settings.watchdog_seconds
        if limit == 0:
            return nullcontext()
        consumer = consumer_of(self._app)
        return Watchdog(
            limit,
            lambda: consumer.health.progress(self._oldest_write()),
            absence_limit=consumer.config.absence_limit,
        )

    def refresh_gauges(self) -> None:
        """Sets the gauges. Called before each scrape."""
        self.metrics.commit_age.set(consumer_of(self._app).health.commit_age())
        self.metrics.oldest_write.set(self._oldest_write())
        longest = dict.fromkeys(map(self._topic, self.names), 0.0)
        for (topic, _), seconds in consumer_of(self._app).health.held_back().items():
            longest[topic] = max(longest[topic], seconds)
        for topic, seconds in longest.items():
            self.metrics.held_back.labels(topic).set(seconds)
        paused = self.paused()
        for name in self.names:
            self.metrics.paused.labels(name).set(name in paused)
            deliberately = any(map(is_by_operator, paused.get(name, {}).values()))
            self.metrics.paused_by_operator.labels(name).set(deliberately)
        self._set_restore_gauges(self.restore())
        self.metrics.rows.labels("users").set(self._tables.users.row_count())
        self.metrics.rows.labels("loyalty").set(self._tables.loyalty.row_count())

    def _set_restore_gauges(self, report: RestoreReport | None) -> None:
        read, to_go, seconds = report or (0, 0, 0.0)
        self.metrics.restore_read.set(read)
        self.metrics.restore_to_go.set(to_go)
        self.metrics.restore_seconds_left.set(nan if seconds is None else seconds)

    def _oldest_write(self) -> float:
        """Returns the age in seconds of the oldest write that the brokers have not acknowledged yet; 0 if
        there is none."""
        return max(producer.oldest_round_age() for producer in self._producers)


def _told(report: RestoreReport | None) -> str:
    if report is None:
        return ""
    left = "" if report.seconds_left is None else f", about {report.seconds_left:.0f} s left"
    return f": {report.rows_read} rows read, at most {report.rows_to_go} to go{left}"
