"""The whole system on one screen: every topic, table and agent, and how they hang together.

    vendor topics --> one agent each --> canonical topic --> state agent --> users, loyalty (changelogs)
                            |                                     |
                            +--------> dead-letter topic <--------+

A record's way: `app.vendors` makes events of its body, `app.vendor_agent` writes them, `app.state_agent`
applies them to rows by the rules of `app.state`. `app.lane` is what carries slices of records instead
of single ones, and commits an offset only when everything before it is written.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from math import inf

import faust

from app.dead_limit import DeadLimit
from app.deadletter import DeadLetters, Origin
from app.grace import Deletions, sweep_markers
from app.lane import (
    LaneApp,
    LaneConfig,
    Slice,
    faust_options,
    install,
    lane_consumer,
    run_slices,
    slice_topic,
)
from app.lane.findings import Garbage
from app.lane.ledger import LogPartition
from app.lane.producer import GroupProducer
from app.lane.producer_config import ProducerConfig
from app.lane.reader import ReaderConfig
from app.lane.table_manager import LaneTableManager
from app.lane.table_pair import TablePair
from app.lane.tables import LaneTable
from app.lane.watchdog import Watchdog
from app.lane.wiring import TablesConfig, install_tables
from app.metrics import LaneMetrics, Metrics, WriteMetrics
from app.outcome import Dead
from app.row_logic import ROW_LOGIC
from app.settings import Settings
from app.state_agent import StateAgent
from app.topics import LETTER_BYTES, Found, target
from app.vendor_agent import VendorAgent
from app.vendors import VENDORS

# Slices that an agent works on at the same time: while one waits for its acknowledgement the next is
# mapped. More gains nothing (lane.md, section 3).
SLICES_AT_ONCE = 8


class Worker:
    """A Faust app and the parts of it that health and metrics ask."""

    def __init__(
        self, settings: Settings, metrics: Metrics, found: Mapping[str, Found] | None = None
    ) -> None:
        """`found`: the topics as they are, from `app.topics`; without it, as Rollcall creates them."""
        self.settings = settings
        self.metrics = metrics
        lane = LaneConfig(
            commit_interval=settings.commit_interval,
            session_timeout=settings.session_timeout,
            heartbeat_interval=settings.session_timeout / 10,
        )
        self.app = LaneApp(
            settings.app_id,
            Table=LaneTable,
            TableManager=LaneTableManager,
            **faust_options(lane, broker=settings.broker_url),
        )
        install(self.app, lane, LaneMetrics(metrics))
        self.events_out = self._producer()
        self.rows_out = self._producer()
        letters = target(settings, settings.topic_dead_letter, found)
        self.row_letters = DeadLetters(self.rows_out, letters, settings.app_id)
        self.tables = self._tables()
        self.tables.users.watcher = self.deletions = Deletions()
        self.limits = {
            vendor: DeadLimit(settings.dead_letter_share, settings.dead_letter_window) for vendor in VENDORS
        }
        self._agents(found)
        self.app.task(self._sweep)

    def _producer(self) -> GroupProducer:
        settings = self.settings
        config = ProducerConfig(
            bootstrap_servers=settings.bootstrap,
            compression=None if settings.compression == "none" else settings.compression,
            # Both write dead letters. What fits a topic is the business of its `Target`.
            largest_batch_bytes=LETTER_BYTES,
            session_timeout_seconds=settings.session_timeout,
        )
        return GroupProducer(config, lease=self._lease, observer=WriteMetrics(self.metrics))

    def _lease(self) -> float | None:
        age = lane_consumer(self.app).last_heartbeat_age()
        return None if age == inf else age

    def _tables(self) -> TablePair:
        config = TablesConfig(
            partitions=self.settings.partitions_events,
            reader=ReaderConfig(bootstrap_servers=self.settings.bootstrap),
        )
        return install_tables(
            self.app,
            config,
            ROW_LOGIC,
            self.rows_out,
            self._bury,
            others=[self.events_out],
            observer=WriteMetrics(self.metrics),
        )

    def _bury(self, log: LogPartition, garbage: Garbage) -> None:
        """The dead letter of a changelog's record that is no row."""
        origin = Origin(log.topic, log.partition, garbage.record.offset, "changelog")
        self.row_letters.append(garbage.record, origin, Dead(garbage.why.reason, garbage.why.detail))

    def _agents(self, found: Mapping[str, Found] | None) -> None:
        settings, metrics = self.settings, self.metrics
        events = target(settings, settings.topic_events, found)
        letters = target(settings, settings.topic_dead_letter, found)
        changelogs = [target(settings, name, found) for name in settings.changelogs]
        for vendor in VENDORS.values():
            vendor_agent = VendorAgent(
                vendor,
                settings.options_of(vendor.name),
                self.events_out,
                events,
                DeadLetters(self.events_out, letters, settings.app_id),
                self.limits[vendor.name],
                metrics,
            )
            self._agent(vendor.name, settings.topic_of(vendor.name), vendor_agent.handle)
        state_agent = StateAgent(
            self.tables,
            self.rows_out,
            min(changelogs, key=lambda each: each.largest_record),
            self.row_letters,
            metrics,
        )
        self._agent("state", settings.topic_events, state_agent.handle, settings.partitions_events)

    def _agent(
        self,
        name: str,
        topic: str,
        handle: Callable[[Slice], Awaitable[None]],
        partitions: int | None = None,
    ) -> None:
        async def agent(stream: AsyncIterable[Slice]) -> None:
            await run_slices(stream, handle)

        source = slice_topic(self.app, topic, partitions=partitions)
        self.app.agent(source, name=name, concurrency=SLICES_AT_ONCE)(agent)

    async def _sweep(self) -> None:
        await sweep_markers(self.tables, self.deletions, self.settings.grace_period)

    def problems(self) -> list[str]:
        """What stands against readiness: a short phrase each, none while the worker does its work."""
        consumer = lane_consumer(self.app)
        found = []
        if not self.app.tables.actives_ready:
            found.append("the tables are being recovered")
        if self.app.rebalancing:
            found.append("the group is rebalancing")
        silence = self.settings.session_timeout
        if consumer.last_heartbeat_age() > silence:
            found.append("the group's coordinator does not answer")
        if self._oldest_write() > silence:
            found.append("the brokers do not acknowledge writes")
        found += [f"{vendor} is held: too many of its latest records are dead" for vendor in self.held()]
        return found

    def held(self) -> list[str]:
        """Vendors of which partitions are held in this worker, until an operator resumes them."""
        topics = {topic for topic, _ in lane_consumer(self.app).desk.held}
        return [vendor for vendor in VENDORS if self.settings.topic_of(vendor) in topics]

    async def resume(self, vendor: str) -> int:
        """An operator lets a held vendor go on: how many partitions of this worker do.

        Raises KeyError for an unknown vendor, and NotRecorded where it has to be said once more.
        """
        limit, consumer = self.limits[vendor], lane_consumer(self.app)
        released = consumer.release(self.settings.topic_of(vendor))
        limit.resume(released)
        await consumer.record_release(released)
        return len(released)

    def _oldest_write(self) -> float:
        return max(self.events_out.oldest_round_age(), self.rows_out.oldest_round_age())

    def watchdog(self) -> AbstractContextManager[object]:
        """Ends the process where it hangs; to be entered in the worker's loop, right before it runs."""
        limit = self.settings.watchdog_seconds
        if limit == 0:
            return nullcontext()
        return Watchdog(limit, lambda: lane_consumer(self.app).sight(self._oldest_write()))

    def refresh_gauges(self) -> None:
        """Called before each scrape."""
        ages = lane_consumer(self.app).ages.commits()
        self.metrics.commit_age.set(max(ages.values(), default=0.0))
        self.metrics.round_age.set(self._oldest_write())
        for vendor in VENDORS:
            self.metrics.held.labels(vendor).set(vendor in self.held())
        self.metrics.rows.labels("users").set(self.tables.users.row_count())
        self.metrics.rows.labels("loyalty").set(self.tables.loyalty.row_count())


def create_app(settings: Settings) -> faust.App:
    """The Faust app of these settings, with metrics of its own. Raises UnsupportedVersion."""
    return Worker(settings, Metrics()).app
