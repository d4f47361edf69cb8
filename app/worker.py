"""The whole system on one screen: every topic, table and agent, and how they are connected.

    vendor topics --> one agent each --> canonical topic --> state agent --> users, loyalty (changelogs)
                            |                                     |
                            +--------> dead-letter topic <--------+

The way of a record: `app.vendors` makes events of its body, `app.vendor_agent` writes them, `app.state_agent`
applies them to rows by the rules of `app.state`. `app.engine` gives the agents slices of records instead of
single ones, and commits an offset only when everything before it is written.
"""

from collections.abc import Mapping

from app.dead_letter_limit import DeadLetterLimit
from app.dead_letters import DeadLetterWriter, SourceRecord
from app.deletion_expiry import Deletions, sweep_markers
from app.engine import (
    Garbage,
    GroupCommitProducer,
    LogPartition,
    SliceApp,
    UserTables,
    add_agent,
    heartbeat_age,
    install_tables,
    log_watch,
    spare,
)
from app.engine_metrics import EngineMetrics
from app.metrics import Metrics
from app.operations import Operations
from app.outcome import Dead
from app.settings import Settings
from app.state_agent import StateAgent
from app.table_rules import TABLE_RULES
from app.topic_watch import TopicWatch
from app.topics import TopicDescription, output_topic
from app.vendor_agent import VendorAgent
from app.vendors import VENDORS
from app.worker_options import consumer_options, log_watch_options, producer_options, tables_options


class Worker:
    """A Faust app with its agents and tables. `operations` is for the HTTP server."""

    def __init__(
        self, settings: Settings, metrics: Metrics, topics: Mapping[str, TopicDescription] | None = None
    ) -> None:
        """`topics`: the topics on the broker, from `prepare_topics`. If it is None, they are taken to be as
        Rollcall creates them."""
        self.settings = settings
        self.metrics = metrics
        self.observer = EngineMetrics(metrics)
        self.app = SliceApp(
            settings.app_id,
            consumer_options(settings),
            broker=settings.broker_url,
            observer=self.observer,
        )
        self.events_out = self._producer()
        self.rows_out = self._producer()
        dead_letters = output_topic(settings, settings.topic_dead_letter, topics)
        self.row_dead_letters = DeadLetterWriter(self.rows_out, dead_letters, settings.app_id)
        self.tables = self._tables()
        self.tables.users.watcher = self.deletions = Deletions()
        self.limits = {
            vendor: DeadLetterLimit(settings.dead_letter_share, settings.dead_letter_window)
            for vendor in settings.vendor_names
        }
        self._agents(topics)
        self.topic_watch = TopicWatch(settings, metrics)
        self.operations = Operations(
            settings,
            metrics,
            self.app,
            (self.events_out, self.rows_out),
            self.tables,
            self.limits,
            self.topic_watch,
            log_watch(self.app, log_watch_options(settings), settings.topic_dead_letter),
        )
        self.app.task(self._sweep)
        self.app.task(self._watch_topics)

    def _producer(self) -> GroupCommitProducer:
        return GroupCommitProducer(
            producer_options(self.settings),
            refused=spare(self.app),
            heartbeat_age=lambda: heartbeat_age(self.app),
            observer=self.observer,
        )

    def _tables(self) -> UserTables:
        return install_tables(
            self.app,
            tables_options(self.settings),
            TABLE_RULES,
            self.rows_out,
            self._append_dead_letter,
            others=[self.events_out],
            observer=self.observer,
        )

    def _append_dead_letter(self, log: LogPartition, garbage: Garbage) -> None:
        """Appends the dead letter of a changelog record that is no row."""
        source = SourceRecord(log.topic, log.partition, garbage.record.offset, "changelog")
        self.row_dead_letters.append(garbage.record, source, Dead(garbage.why.reason, garbage.why.detail))
        self.metrics.dead_letters.labels("changelog", garbage.why.reason).inc()

    def _agents(self, topics: Mapping[str, TopicDescription] | None) -> None:
        settings, metrics = self.settings, self.metrics
        events = output_topic(settings, settings.topic_events, topics)
        dead_letters = output_topic(settings, settings.topic_dead_letter, topics)
        changelogs = [output_topic(settings, name, topics) for name in settings.changelogs]
        for vendor in map(VENDORS.__getitem__, settings.vendor_names):
            vendor_agent = VendorAgent(
                vendor,
                settings.options_of(vendor.name),
                self.events_out,
                events,
                DeadLetterWriter(self.events_out, dead_letters, settings.app_id),
                self.limits[vendor.name],
                metrics,
            )
            add_agent(self.app, vendor.name, settings.topic_of(vendor.name), vendor_agent, self.events_out)
        state_agent = StateAgent(
            self.tables,
            self.rows_out,
            min(changelogs, key=lambda each: each.largest_record),
            self.row_dead_letters,
            metrics,
        )
        partitions = settings.partitions_events
        add_agent(self.app, "state", settings.topic_events, state_agent, self.rows_out, partitions=partitions)

    async def _sweep(self) -> None:
        await sweep_markers(self.tables, self.deletions, self.settings.grace_period)

    async def _watch_topics(self) -> None:
        await self.topic_watch.run()
