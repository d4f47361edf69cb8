"""Recovery and guard on a real broker, with rows simple enough to see through (tests/lane/toy_rows.py)."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass

import faust
import pytest
from aiokafka.errors import KafkaConnectionError

from app.lane import LaneApp, LaneConfig, faust_options
from app.lane.findings import Garbage
from app.lane.guard import ChangelogGuard
from app.lane.ledger import LogPartition
from app.lane.partitioner import partition_of
from app.lane.producer import GroupProducer
from app.lane.producer_config import ProducerConfig
from app.lane.reader import ChangelogReader, ReaderConfig, ReadSession
from app.lane.recovery import TableLoader
from app.lane.rowlogic import Row
from app.lane.table_manager import LaneTableManager
from app.lane.table_pair import TablePair
from app.lane.tables import LaneTable
from app.lane.wiring import TablesConfig, install_tables
from app.lane.write_observer import WriteObserver
from tests.kafka import consume_all, create_topics, produce
from tests.lane.toy_rows import TOY_LOGIC, loyalty_row, users_row
from tests.waiting import async_wait_until

PARTITIONS = 2


class Counts(WriteObserver):
    def __init__(self) -> None:
        self.read = self.rewritten = self.kept = self.seen = 0

    def recovered(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        self.read += records
        self.rewritten += rewritten

    def retained(self, partitions: int) -> None:
        self.kept += partitions

    def foreign(self, topic: str, partition: int, records: int) -> None:
        self.seen += records


def keys_of_partition_0(count: int) -> list[bytes]:
    every = (b"key-%d" % number for number in itertools.count())
    return list(itertools.islice((key for key in every if partition_of(key, PARTITIONS) == 0), count))


@dataclass
class Tables:
    """What a worker has for its tables, without its agents and its group."""

    broker: str
    pair: TablePair
    loader: TableLoader
    guard: ChangelogGuard
    counts: Counts

    @property
    def users_topic(self) -> str:
        return self.pair.users.changelog_topic_name

    @property
    def loyalty_topic(self) -> str:
        return self.pair.loyalty.changelog_topic_name

    async def zombie_writes(self, topic: str, *records: tuple[bytes, Row], partition: int = 0) -> None:
        await asyncio.to_thread(
            produce, self.broker, topic, [(key, row, [], None, partition) for key, row in records]
        )

    async def log(self, topic: str) -> list[tuple[int, bytes | None, Row]]:
        records = await asyncio.to_thread(consume_all, self.broker, topic)
        return [(record.partition, record.key, record.value) for record in records]

    async def write(self, key: bytes, row: Row, partition: int = 0) -> None:
        self.pair.users.live(partition).put(key, row)
        self.pair.users.flush(self.pair.producer)
        await self.pair.producer.sync()


@pytest.fixture
def app_id(broker: str, unique: Callable[[str], str]) -> str:
    name = unique("tables")
    topics = {f"{name}-{table}-changelog": PARTITIONS for table in ("users", "loyalty")}
    create_topics(broker, topics, cleanup_policy="compact")
    create_topics(broker, {f"{name}-dead": 1})
    return name


@asynccontextmanager
async def tables(broker: str, app_id: str, patrol_seconds: float = 30.0) -> AsyncIterator[Tables]:
    options = faust_options(LaneConfig(), broker=broker)
    app = LaneApp(app_id, Table=LaneTable, TableManager=LaneTableManager, **options)
    producer = GroupProducer(ProducerConfig(bootstrap_servers=broker))
    config = TablesConfig(
        partitions=PARTITIONS, reader=ReaderConfig(bootstrap_servers=broker), patrol_seconds=patrol_seconds
    )
    counts = Counts()

    def dead_letter(log: LogPartition, garbage: Garbage) -> None:
        record, why = garbage
        place = f"{log.topic}/{log.partition}/{record.offset} {why.reason}".encode()
        producer.append(f"{app_id}-dead", 0, record.key, record.value, headers=[("place", place)])

    pair = install_tables(app, config, TOY_LOGIC, producer, dead_letter, observer=counts)
    manager = app.tables
    assert isinstance(manager, LaneTableManager)
    assert manager.guard is not None
    await producer.start()
    patrol = asyncio.create_task(manager.guard.run())
    try:
        yield Tables(broker, pair, manager.loader, manager.guard, counts)
    finally:
        patrol.cancel()
        await producer.stop()


async def test_a_log_with_stale_rows_is_merged_and_written_again(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        newer, stale = users_row([1, 2, 3]), users_row([1])
        await mine.zombie_writes(mine.users_topic, (b"eve", newer), (b"bob", newer), (b"eve", stale))
        await mine.zombie_writes(mine.users_topic, (b"kim", stale), (b"kim", newer), partition=1)
        # A deleted user whose loyalty row came back.
        await mine.zombie_writes(mine.users_topic, (b"dee", users_row([], deleted_at=9)))
        await mine.zombie_writes(mine.loyalty_topic, (b"dee", None), (b"dee", loyalty_row([3])))
        before = await mine.log(mine.users_topic)

        mine.loader.assigned(1, {0, 1})
        await mine.loader.load({0, 1})

        users, loyalty = mine.pair.users, mine.pair.loyalty
        assert [users.live(0).get(key) for key in (b"eve", b"bob")] == [newer, newer]
        assert users.live(1).get(b"kim") == newer
        assert loyalty.live(0).get(b"dee") is None
        assert (mine.counts.read, mine.counts.rewritten) == (8, 2)
        # Only what was wrong is written again, and the log is right before the partition goes live.
        after = await mine.log(mine.users_topic)
        assert sorted(after, key=repr) == sorted([*before, (0, b"eve", newer)], key=repr)
        assert (await mine.log(mine.loyalty_topic))[-1] == (0, b"dee", None)

    async with tables(broker, app_id) as again:
        again.loader.assigned(1, {0, 1})
        await again.loader.load({0, 1})
        assert again.pair.users.live(0).get(b"eve") == newer
        assert again.counts.rewritten == 0


async def test_more_stale_rows_than_one_round_carries(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        keys = keys_of_partition_0(4_500)
        await mine.zombie_writes(mine.users_topic, *((key, users_row([1, 2])) for key in keys))
        await mine.zombie_writes(mine.users_topic, *((key, users_row([1])) for key in keys))
        mine.loader.assigned(1, {0})
        await mine.loader.load({0})
        assert mine.counts.rewritten == len(keys)
        last = {key: row for _, key, row in await mine.log(mine.users_topic)}
        assert last == dict.fromkeys(keys, users_row([1, 2]))


async def test_a_recovery_waits_for_a_broker_that_is_away(
    broker: str, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.lane.recovery._RETRY_SECONDS", 0.01)
    failures = iter([KafkaConnectionError(), KafkaConnectionError()])
    session = ChangelogReader.session

    def failing(self: ChangelogReader) -> AbstractAsyncContextManager[ReadSession]:
        for failure in failures:
            raise failure
        return session(self)

    monkeypatch.setattr(ChangelogReader, "session", failing)
    async with tables(broker, app_id) as mine:
        await mine.zombie_writes(mine.users_topic, (b"eve", users_row([1])))
        mine.loader.assigned(1, {0})
        await mine.loader.load({0})
        assert mine.pair.users.live(0).get(b"eve") == users_row([1])


def no_dead_letter(log: LogPartition, garbage: Garbage) -> None:
    raise AssertionError("no record was read")


def test_an_app_that_was_made_without_the_lanes_tables_is_refused() -> None:
    producer = GroupProducer(ProducerConfig(bootstrap_servers="127.0.0.1:9"))
    config = TablesConfig(partitions=1, reader=ReaderConfig(bootstrap_servers="127.0.0.1:9"))
    with pytest.raises(TypeError, match="TableManager=LaneTableManager"):
        install_tables(faust.App("toy", store="memory://"), config, TOY_LOGIC, producer, no_dead_letter)
    app = faust.App("toy", store="memory://", TableManager=LaneTableManager)
    with pytest.raises(TypeError, match="Table=LaneTable"):
        install_tables(app, config, TOY_LOGIC, producer, no_dead_letter)


async def test_only_what_another_may_have_written_is_read_again(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        mine.loader.assigned(4, {0, 1})
        await mine.loader.load({0, 1})
        await mine.write(b"eve", users_row([1]))
        await mine.zombie_writes(mine.users_topic, (b"eve", users_row([2])))

        mine.loader.assigned(5, {0})
        assert not mine.pair.users.is_live(1)
        await mine.loader.load({0})
        assert (mine.counts.kept, mine.counts.read, mine.counts.seen) == (1, 0, 1)
        assert mine.pair.users.live(0).get(b"eve") == users_row([1, 2])

        mine.loader.assigned(7, {0})
        assert not mine.pair.users.is_live(0)
        await mine.loader.load({0})
        await mine.pair.producer.sync()
        assert (mine.counts.kept, mine.counts.read) == (1, 3)
        assert mine.pair.users.live(0).get(b"eve") == users_row([1, 2])


async def test_a_foreign_row_between_our_own_is_healed_at_once(broker: str, app_id: str) -> None:
    async with tables(broker, app_id, patrol_seconds=3600.0) as mine:
        mine.loader.assigned(1, {0})
        await mine.loader.load({0})
        await mine.write(b"eve", users_row([1, 2]))
        await mine.zombie_writes(mine.users_topic, (b"eve", users_row([1])), (b"ned", users_row([7])))
        await mine.write(b"bob", users_row([5]))

        await _last_is(mine, mine.users_topic, b"eve", users_row([1, 2]))
        assert mine.pair.users.live(0).get(b"ned") == users_row([7])
        assert mine.counts.seen == 2


async def test_a_foreign_row_in_an_idle_log_is_healed_by_the_patrol(broker: str, app_id: str) -> None:
    async with tables(broker, app_id, patrol_seconds=0.2) as mine:
        mine.loader.assigned(1, {0})
        await mine.loader.load({0})
        await mine.write(b"eve", users_row([], deleted_at=9))
        await mine.zombie_writes(mine.loyalty_topic, (b"eve", loyalty_row([3])))

        await _last_is(mine, mine.loyalty_topic, b"eve", None)
        assert mine.pair.loyalty.live(0).get(b"eve") is None


async def test_two_that_both_believe_to_be_the_owner_lose_nothing(broker: str, app_id: str) -> None:
    async with tables(broker, app_id, patrol_seconds=0.1) as mine, tables(broker, app_id, 0.1) as theirs:
        for each in (mine, theirs):
            each.loader.assigned(1, {0})
            await each.loader.load({0})
        for number in range(1, 30):
            writer = (mine, theirs)[number % 2]
            rows = writer.pair.users.live(0)
            key = b"eve" if number % 3 else b"bob"
            merge = TOY_LOGIC.users.merge
            before, more = rows.get(key), users_row([number])
            assert more is not None
            await writer.write(key, more if before is None else merge(key, before, more))
        eve, bob = (users_row([n for n in range(1, 30) if bool(n % 3) == is_eve]) for is_eve in (True, False))
        for each in (mine, theirs):
            await _last_is(each, each.users_topic, b"eve", eve)
            await _last_is(each, each.users_topic, b"bob", bob)
            await async_wait_until(lambda each=each: _has(each, b"eve", eve), "rows in memory")  # type: ignore[misc]


async def test_a_recovery_that_is_overtaken_leaves_nothing_behind(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        rows = [(key, users_row([1])) for key in keys_of_partition_0(3_000)]
        await mine.zombie_writes(mine.users_topic, *rows)
        mine.loader.assigned(1, {0, 1})
        loading = asyncio.create_task(mine.loader.load({0, 1}))
        await asyncio.sleep(0)  # it has begun
        loading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await loading
        assert not mine.pair.users.is_live(0)
        mine.loader.assigned(2, {0})
        await mine.loader.load({0})
        assert len(mine.pair.users.live(0)) == 3_000
        assert mine.counts.read == 3_000


async def _last_is(tables: Tables, topic: str, key: bytes, row: Row) -> None:
    async def is_last() -> bool:
        values = [value for _, each, value in await tables.log(topic) if each == key]
        return bool(values) and values[-1] == row

    await async_wait_until(is_last, f"the last record of a key in {topic} is the merge")


async def _has(tables: Tables, key: bytes, row: Row) -> bool:
    return tables.pair.users.live(0).get(key) == row
