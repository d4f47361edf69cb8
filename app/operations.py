"""What the HTTP server and the operators need of a running worker: its problems, its gauges, and `resume`."""

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
from app.errors import ResumeRefused, VendorNotRead
from app.metrics import Metrics
from app.settings import Settings
from app.topic_watch import TopicWatch
from app.vendors import VENDORS

EVENTS: Final = "events"
"""The name of the canonical topic for operators, beside the names of the vendors."""

_DIED: Final = re.compile(r"[0-9]+ attempts died at offset [0-9]+")
_POSITION: Final = re.compile(r"([A-Za-z0-9._-]+)/([0-9]{1,9})/([0-9]{1,19})")


class Operations:
    """Reads the state of one worker. Only `resume` changes anything."""

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
            # Anybody can have committed another reason, so only the known forms are shown.
            known = {each: why for each, why in partitions.items() if _DIED.fullmatch(why)}
            known |= {each: why for each, why in consumer.resumption.withheld().items() if each in partitions}
            reasons += [
                f"{name} is paused in partition {number}: {why}" for (_, number), why in sorted(known.items())
            ]
            if len(known) < len(partitions):
                reasons.append(f"{name} is paused: too many of its latest records are dead")
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
        return len(resumed)

    def _topic(self, name: str) -> str:
        """Raises KeyError for an unknown name, and VendorNotRead for a vendor that is not in VENDORS."""
        if name == EVENTS:
            return self.settings.topic_events
        if VENDORS[name].name not in self.names:
            raise VendorNotRead(f"{name} is not in the VENDORS of this worker")
        return self.settings.topic_of(name)

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
