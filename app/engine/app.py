"""The Faust app, the options that the engine needs, and the wiring of its consumer, agents and tables.

Only extension points of Faust are used: the transport (which consumer Faust makes), the schema of a topic
(how a slice passes through Faust), and the settings `Table` and `TableManager`.
"""

from collections.abc import AsyncIterable, Awaitable, Callable, Sequence
from math import inf
from typing import Any, ClassVar, Final, NoReturn

import faust
from faust.app.base import BootStrategy
from faust.transport.drivers import aiokafka as driver
from faust.types import AppT, Message
from faust.types.topics import TopicT
from faust.types.transports import ConsumerT

from app.engine.config import ConsumerConfig, ReaderConfig, TablesConfig
from app.engine.consumer.consumer import SliceConsumer
from app.engine.fatal import die, refuse
from app.engine.log_reader import LogReader
from app.engine.log_watch import LogWatch
from app.engine.observer import EngineObserver
from app.engine.processor import Processor
from app.engine.producer.producer import GroupCommitProducer
from app.engine.slice_loop import Flusher, run_slices
from app.engine.slices import Slice
from app.engine.tables.findings import WriteDeadLetter
from app.engine.tables.manager import SliceTableManager
from app.engine.tables.merge_rules import TABLE_NAMES, TableRules
from app.engine.tables.restore import TableRestorer
from app.engine.tables.restore_progress import RestoreReport
from app.engine.tables.table import SliceTable
from app.engine.tables.user_tables import UserTables
from app.engine.tables.zombie_repair import ZombieRepair
from app.versions import check_versions

SLICES_AT_ONCE: Final = 8
"""How many slices an agent works on at the same time: while one waits for its acknowledgement, the next one
is mapped. A larger number gains nothing (docs/design.md#tuning)."""


class _Boot(BootStrategy):
    # Faust's own producer hides failures, so the engine has a producer of its own. Faust's web server listens
    # on all addresses and shows the rows of tables to everybody.
    enable_kafka_producer = False
    enable_web = False


class SliceTransport(driver.Transport):
    """Faust calls it to make the consumer, which reads the settings from here."""

    Consumer: ClassVar[type[ConsumerT]] = SliceConsumer

    def __init__(self, app: faust.App, config: ConsumerConfig, observer: EngineObserver) -> None:
        super().__init__(app.conf.broker_consumer, app)
        self.config = config
        self.observer = observer


class SliceSchema(faust.Schema):  # type: ignore[type-arg]
    """A schema that decodes nothing: the value of an event is the slice, so no decoding can fail."""

    def compile(self, app: AppT, **_: Any) -> Callable[..., Awaitable[Any]]:
        """Returns the function that makes an event of a message. Faust calls this once for each topic."""
        create_event = app.create_event

        async def decode(message: Message, **_: Any) -> Any:
            return create_event(None, message.value, None, message)

        return decode


def _faust_options(config: ConsumerConfig, broker: str) -> dict[str, Any]:
    """Returns what `faust.App` takes besides the app id."""
    hosts = [host.strip().removeprefix("kafka://") for host in broker.split(",")]
    # Faust's assignor writes its URL into the assignment, and refuses an assignment with another one. A
    # static member gets that of the process before it, which may have run on a host of another name.
    static = (
        {"canonical_url": f"http://static/{config.group_instance_id}"} if config.group_instance_id else {}
    )
    return {
        **static,
        "broker": [f"kafka://{host}" for host in hosts],
        # Topics are created and checked before the start (docs/design.md#topics-first). Faust would create
        # only some of them, and too late.
        "topic_allow_declare": False,
        "topic_disable_leader": True,
        "web_enabled": False,
        "store": "memory://",
        # A standby of a table in memory gains nothing: Faust restores such a table from the start anyway.
        "table_standby_replicas": 0,
        "key_serializer": "raw",
        "value_serializer": "raw",
        "processing_guarantee": "at_least_once",
        "consumer_auto_offset_reset": "earliest",
        "stream_wait_empty": True,
        "broker_commit_interval": config.commit_interval,
        "broker_session_timeout": config.session_timeout,
        "broker_heartbeat_interval": config.heartbeat_interval,
        "broker_rebalance_timeout": config.rebalance_timeout,
        "broker_request_timeout": config.request_timeout,
        "broker_max_poll_interval": config.max_poll_interval,
    }


class SliceApp(faust.App):
    """A Faust app that reads in slices, without Faust's producer and web server."""

    BootStrategy = _Boot

    def __init__(
        self, app_id: str, config: ConsumerConfig, *, broker: str, observer: EngineObserver | None = None
    ) -> None:
        """`app_id` is the group id, too. `broker` is `host:port[,host:port...]`, with or without `kafka://`.

        Raises UnsupportedVersion.
        """
        check_versions()
        super().__init__(
            app_id, Table=SliceTable, TableManager=SliceTableManager, **_faust_options(config, broker)
        )
        self.transport = SliceTransport(self, config, observer or EngineObserver())

    def _create_directories(self) -> None:
        """Creates nothing: tables are in memory, so the file system may be read-only."""


def slice_topic(app: faust.App, name: str, *, partitions: int | None = None) -> TopicT:
    """Returns a topic whose agent receives slices. Every agent of the engine has its topic from here.

    `acks=False` switches Faust's own acknowledgements off for the topic. Faust acknowledges an event when the
    agent's body ends, even if it ends by an exception or a cancellation (faust/streams.py, `_c_aiter`). In
    the engine only `run_slices` acknowledges.
    """
    return app.topic(name, schema=SliceSchema(), partitions=partitions, acks=False)


def add_agent(
    app: faust.App,
    name: str,
    topic: str,
    processor: Processor,
    producer: Flusher,
    *,
    partitions: int | None = None,
    slices_at_once: int = SLICES_AT_ONCE,
) -> None:
    """Adds an agent to the app: `processor` handles the slices of a topic and appends to `producer`.

    The producer must be started before the app subscribes. `partitions` is the partition count of the topic;
    it is needed if the topic feeds tables.
    """

    async def agent(stream: AsyncIterable[Slice]) -> None:
        await run_slices(stream, processor, consumer_of(app), producer)

    source = slice_topic(app, topic, partitions=partitions)
    app.agent(source, name=name, concurrency=slices_at_once)(agent)


def install_tables(
    app: SliceApp,
    config: TablesConfig,
    rules: TableRules,
    changelogs: GroupCommitProducer,
    dead_letter: WriteDeadLetter,
    *,
    others: Sequence[GroupCommitProducer] = (),
    observer: EngineObserver | None = None,
) -> UserTables:
    """Returns both tables, with their restore and repair wired. It must be called once, before the app
    starts.

    `changelogs` is the producer that writes the rows. It and the `others` are started before anything is
    subscribed, and stopped after the last commit. `dead_letter` is called with each record of a changelog
    that is no row; it must append to `changelogs`.
    """
    manager = app.tables
    users, loyalty = (
        app.Table(
            name, partitions=config.partitions, key_type=bytes, value_type=bytes, changelog_name=changelog
        )
        for name, changelog in zip(TABLE_NAMES, config.changelogs or ("", ""), strict=True)
    )
    assert isinstance(manager, SliceTableManager), "SliceApp says so"
    assert isinstance(users, SliceTable)
    assert isinstance(loyalty, SliceTable)
    tables = UserTables(
        users=users,
        loyalty=loyalty,
        rules=rules,
        producer=changelogs,
        partitions=config.partitions,
        dead_letter=dead_letter,
        merge_all=config.merge_all,
    )
    reader = LogReader(config.reader)
    zombie_repair = ZombieRepair(tables, reader, scan_seconds=config.scan_seconds, observer=observer)
    manager.restorer = TableRestorer(tables, reader, zombie_repair, observer, spare(app, refuse))
    manager.source = config.source
    manager.zombie_repair = zombie_repair
    manager.producers = (changelogs, *others)
    return tables


def log_watch(app: faust.App, config: ReaderConfig, dead_letters: str) -> LogWatch:
    """Returns what polls the ends of the app's logs. `dead_letters` is the name of the dead-letter topic."""
    return LogWatch(LogReader(config), lambda: consumer_of(app).health, dead_letters)


def consumer_of(app: faust.App) -> SliceConsumer:
    """Returns the app's consumer, for health, the watchdog and the producers. Faust makes it on the first
    call."""
    consumer = app.consumer
    assert isinstance(consumer, SliceConsumer), "SliceApp says so"
    return consumer


def spare(app: faust.App, end: Callable[[str], NoReturn] = die) -> Callable[[str], NoReturn]:
    """Returns a function that ends the process by `end`, and no attempt counts as dead: what has happened is
    the brokers' or the configuration's, and not a record's (docs/design.md#attempts)."""

    def spared(reason: str) -> NoReturn:
        consumer_of(app).end_attempts()
        end(reason)

    return spared


def heartbeat_age(app: faust.App) -> float | None:
    """Returns the seconds since the last heartbeat that the group coordinator answered was sent; None before
    the first such heartbeat."""
    age = consumer_of(app).health.last_heartbeat_age()
    return None if age == inf else age


def restore_report(app: faust.App) -> RestoreReport | None:
    """Returns how far the restore of the tables has come; None if none is under way."""
    manager = app.tables
    assert isinstance(manager, SliceTableManager), "SliceApp says so"
    return None if manager.restorer is None else manager.restorer.progress.report()
