"""Restore and repair on a real broker, with rows simple enough to see through (tests/engine/toy_rows.py)."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace

import psutil  # type: ignore[import-untyped]
import pytest
from aiokafka.errors import KafkaConnectionError

from app.engine import ConsumerConfig, SliceApp
from app.engine.app import install_tables
from app.engine.config import ProducerConfig, ReaderConfig, TablesConfig
from app.engine.log_reader import LogReader, ReadSession
from app.engine.observer import EngineObserver
from app.engine.producer.partitioner import partition_of
from app.engine.producer.producer import GroupCommitProducer
from app.engine.tables.findings import Garbage
from app.engine.tables.manager import SliceTableManager
from app.engine.tables.merge_rules import Row, TableRules
from app.engine.tables.restore import TableRestorer
from app.engine.tables.user_tables import UserTables
from app.engine.tables.write_ledger import LogPartition
from app.engine.tables.zombie_repair import ZombieRepair
from tests.engine.toy_rows import TOY_RULES, loyalty_row, users_row
from tests.kafka import ToSend, consume_all, create_topics, end_offsets, produce
from tests.transactions import transactions
from tests.waiting import async_wait_until, wait_until

PARTITIONS = 2


class Counts(EngineObserver):
    def __init__(self) -> None:
        self.read = self.rewritten = self.warm = self.zombies = 0

    def restored(self, partitions: int, records: int, rewritten: int, seconds: float) -> None:
        self.read += records
        self.rewritten += rewritten

    def kept_warm(self, partitions: int) -> None:
        self.warm += partitions

    def zombie_records(self, topic: str, partition: int, records: int) -> None:
        self.zombies += records


def keys_of_partition_0(count: int) -> list[bytes]:
    every = (b"key-%d" % number for number in itertools.count())
    return list(itertools.islice((key for key in every if partition_of(key, PARTITIONS) == 0), count))


@dataclass
class Tables:
    """What a worker has for its tables: without agents, without a group."""

    broker: str
    tables: UserTables
    restorer: TableRestorer
    zombie_repair: ZombieRepair
    counts: Counts

    @property
    def users_topic(self) -> str:
        return self.tables.users.changelog_topic_name

    @property
    def loyalty_topic(self) -> str:
        return self.tables.loyalty.changelog_topic_name

    async def zombie_writes(self, topic: str, *records: tuple[bytes, Row], partition: int = 0) -> None:
        await asyncio.to_thread(
            produce, self.broker, topic, [(key, row, [], None, partition) for key, row in records]
        )

    async def log(self, topic: str) -> list[tuple[int, bytes | None, Row]]:
        records = await asyncio.to_thread(consume_all, self.broker, topic)
        return [(record.partition, record.key, record.value) for record in records]

    async def write(self, key: bytes, row: Row, partition: int = 0) -> None:
        self.tables.users.live(partition).put(key, row, b"")
        self.tables.users.append_changed(self.tables.producer)
        await self.tables.producer.flush()


@pytest.fixture
def app_id(broker: str, unique: Callable[[str], str]) -> str:
    name = unique("tables")
    topics = {f"{name}-{table}-changelog": PARTITIONS for table in ("users", "loyalty")}
    create_topics(broker, topics, cleanup_policy="compact")
    create_topics(broker, {f"{name}-dead": 1})
    return name


@asynccontextmanager
async def tables(
    broker: str,
    app_id: str,
    scan_seconds: float = 30.0,
    rules: TableRules = TOY_RULES,
    *,
    merge_all: bool = False,
) -> AsyncIterator[Tables]:
    app = SliceApp(app_id, ConsumerConfig(), broker=broker)
    producer = GroupCommitProducer(ProducerConfig(bootstrap_servers=broker))
    config = TablesConfig(
        source="source",
        partitions=PARTITIONS,
        reader=ReaderConfig(bootstrap_servers=broker),
        scan_seconds=scan_seconds,
        merge_all=merge_all,
    )
    counts = Counts()

    def dead_letter(log: LogPartition, garbage: Garbage) -> None:
        record, why = garbage
        place = f"{log.topic}/{log.partition}/{record.offset} {why.reason}".encode()
        producer.append(f"{app_id}-dead", 0, record.key, record.value, headers=[("place", place)])

    user_tables = install_tables(app, config, rules, producer, dead_letter, observer=counts)
    manager = app.tables
    assert isinstance(manager, SliceTableManager)
    assert manager.zombie_repair is not None
    assert manager.restorer is not None
    await producer.start()
    scan = asyncio.create_task(manager.zombie_repair.run())
    try:
        yield Tables(broker, user_tables, manager.restorer, manager.zombie_repair, counts)
    finally:
        scan.cancel()
        await asyncio.wait({scan})  # it closes its connection
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

        mine.restorer.assigned(1, {0, 1})
        await mine.restorer.restore({0, 1})

        users, loyalty = mine.tables.users, mine.tables.loyalty
        assert [users.live(0).get(key) for key in (b"eve", b"bob")] == [newer, newer]
        assert users.live(1).get(b"kim") == newer
        assert loyalty.live(0).get(b"dee") is None
        assert (mine.counts.read, mine.counts.rewritten) == (8, 2)
        # Only what was wrong is written again, and the log is right before the partition goes live.
        after = await mine.log(mine.users_topic)
        assert sorted(after, key=repr) == sorted([*before, (0, b"eve", newer)], key=repr)
        assert (await mine.log(mine.loyalty_topic))[-1] == (0, b"dee", None)

    async with tables(broker, app_id) as again:
        again.restorer.assigned(1, {0, 1})
        await again.restorer.restore({0, 1})
        assert again.tables.users.live(0).get(b"eve") == newer
        assert again.counts.rewritten == 0


async def test_more_stale_rows_than_one_round_carries(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        keys = keys_of_partition_0(4_500)
        await mine.zombie_writes(mine.users_topic, *((key, users_row([1, 2])) for key in keys))
        await mine.zombie_writes(mine.users_topic, *((key, users_row([1])) for key in keys))
        mine.restorer.assigned(1, {0})
        await mine.restorer.restore({0})
        assert mine.counts.rewritten == len(keys)
        last = {key: row for _, key, row in await mine.log(mine.users_topic)}
        assert last == dict.fromkeys(keys, users_row([1, 2]))


async def test_a_restore_waits_for_a_broker_that_is_away(
    broker: str, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.engine.tables.restore._RETRY_SECONDS", 0.01)
    failures = iter([KafkaConnectionError(), KafkaConnectionError()])
    session = LogReader.session

    def failing(self: LogReader) -> AbstractAsyncContextManager[ReadSession]:
        for failure in failures:
            raise failure
        return session(self)

    monkeypatch.setattr(LogReader, "session", failing)
    async with tables(broker, app_id) as mine:
        await mine.zombie_writes(mine.users_topic, (b"eve", users_row([1])))
        mine.restorer.assigned(1, {0})
        await mine.restorer.restore({0})
        assert mine.tables.users.live(0).get(b"eve") == users_row([1])


def no_dead_letter(log: LogPartition, garbage: Garbage) -> None:
    raise AssertionError("no record was read")


async def test_only_what_another_may_have_written_is_read_again(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        mine.restorer.assigned(4, {0, 1})
        await mine.restorer.restore({0, 1})
        await mine.write(b"eve", users_row([1]))
        await mine.zombie_writes(mine.users_topic, (b"eve", users_row([2])))

        mine.restorer.assigned(5, {0})
        assert not mine.tables.users.is_live(1)
        await mine.restorer.restore({0})
        assert (mine.counts.warm, mine.counts.read, mine.counts.zombies) == (1, 0, 1)
        assert mine.tables.users.live(0).get(b"eve") == users_row([1, 2])

        mine.restorer.assigned(7, {0})
        assert not mine.tables.users.is_live(0)
        await mine.restorer.restore({0})
        await mine.tables.producer.flush()
        assert (mine.counts.warm, mine.counts.read) == (1, 3)
        assert mine.tables.users.live(0).get(b"eve") == users_row([1, 2])


async def test_a_zombies_row_between_our_own_is_repaired_at_once(broker: str, app_id: str) -> None:
    async with tables(broker, app_id, scan_seconds=3600.0) as mine:
        mine.restorer.assigned(1, {0})
        await mine.restorer.restore({0})
        await mine.write(b"eve", users_row([1, 2]))
        await mine.zombie_writes(mine.users_topic, (b"eve", users_row([1])), (b"ned", users_row([7])))
        await mine.write(b"bob", users_row([5]))

        await _last_is(mine, mine.users_topic, b"eve", users_row([1, 2]))
        # The two records may be read in two steps, and the first row is written before the second is read.
        await async_wait_until(lambda: _is(mine.counts.zombies == 2), "both are counted")
        assert mine.tables.users.live(0).get(b"ned") == users_row([7])


async def test_a_zombies_row_in_an_idle_log_is_repaired_by_the_scan(broker: str, app_id: str) -> None:
    async with tables(broker, app_id, scan_seconds=0.2) as mine:
        mine.restorer.assigned(1, {0})
        await mine.restorer.restore({0})
        await mine.write(b"eve", users_row([], deleted_at=9))
        await mine.zombie_writes(mine.loyalty_topic, (b"eve", loyalty_row([3])))

        await _last_is(mine, mine.loyalty_topic, b"eve", None)
        assert mine.tables.loyalty.live(0).get(b"eve") is None


async def test_two_that_both_believe_to_be_the_owner_lose_nothing(broker: str, app_id: str) -> None:
    async with tables(broker, app_id, scan_seconds=0.1) as mine, tables(broker, app_id, 0.1) as theirs:
        for each in (mine, theirs):
            each.restorer.assigned(1, {0})
            await each.restorer.restore({0})
        for number in range(1, 30):
            writer = (mine, theirs)[number % 2]
            rows = writer.tables.users.live(0)
            key = b"eve" if number % 3 else b"bob"
            merge = TOY_RULES.users.merge
            before, more = rows.get(key), users_row([number])
            assert more is not None
            await writer.write(key, more if before is None else merge(key, before, more))
        eve, bob = (users_row([n for n in range(1, 30) if bool(n % 3) == is_eve]) for is_eve in (True, False))
        for each in (mine, theirs):
            await _last_is(each, each.users_topic, b"eve", eve)
            await _last_is(each, each.users_topic, b"bob", bob)
            await async_wait_until(lambda each=each: _has(each, b"eve", eve), "rows in memory")  # type: ignore[misc]


async def test_a_restore_that_is_overtaken_leaves_nothing_behind(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        rows = [(key, users_row([1])) for key in keys_of_partition_0(3_000)]
        await mine.zombie_writes(mine.users_topic, *rows)
        mine.restorer.assigned(1, {0, 1})
        restoring = asyncio.create_task(mine.restorer.restore({0, 1}))
        await asyncio.sleep(0)  # it has begun
        restoring.cancel()
        with pytest.raises(asyncio.CancelledError):
            await restoring
        assert not mine.tables.users.is_live(0)
        mine.restorer.assigned(2, {0})
        await mine.restorer.restore({0})
        assert len(mine.tables.users.live(0)) == 3_000
        assert mine.counts.read == 3_000


async def test_versions_that_one_process_wrote_are_not_compared(
    broker: str, app_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    compared = 0

    def supersedes(older: bytes, newer: bytes) -> bool:
        nonlocal compared
        compared += 1
        return TOY_RULES.users.supersedes(older, newer)

    rules = replace(TOY_RULES, users=replace(TOY_RULES.users, supersedes=supersedes))
    async with tables(broker, app_id, rules=rules) as mine:
        mine.restorer.assigned(1, {0})
        await mine.restorer.restore({0})
        for end in (2, 3, 4):
            await mine.write(b"eve", users_row(range(1, end)))
        # It has the partition again, and what it has appended meanwhile is in the log before it reads.
        late = users_row([1, 2, 3, 4])
        mine.tables.producer.append(mine.users_topic, 0, b"eve", late, headers=[("changed", b"")])
        mine.restorer.assigned(3, {0})
        await mine.restorer.restore({0})
        assert mine.tables.users.live(0).get(b"eve") == late
        assert (mine.counts.read, mine.counts.rewritten, compared) == (4, 0, 0)
        await mine.write(b"eve", users_row([1, 2, 3, 4, 5]))
    async with tables(broker, app_id, rules=rules) as another:
        another.restorer.assigned(1, {0})
        await another.restorer.restore({0})
        assert compared == 0
        await another.write(b"eve", users_row([1, 2, 3, 4, 5, 6]))
    # Without ids each of the five later versions is compared.
    for merge_all, expected in ((False, 1), (True, 5)):
        compared = 0
        async with tables(broker, app_id, rules=rules, merge_all=merge_all) as third:
            third.restorer.assigned(1, {0})
            await third.restorer.restore({0})
            assert third.tables.users.live(0).get(b"eve") == users_row([1, 2, 3, 4, 5, 6])
            assert compared == expected


async def test_two_late_rows_of_one_zombie_cost_nothing(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as zombie, tables(broker, app_id) as owner:
        zombie.restorer.assigned(1, {0})
        await zombie.restorer.restore({0})
        await zombie.write(b"eve", users_row([1]))
        owner.restorer.assigned(1, {0})
        await owner.restorer.restore({0})
        await owner.write(b"eve", users_row([1, 2, 3]))
        for row in (users_row([1, 4]), users_row([1, 4, 5])):
            zombie.tables.producer.append(zombie.users_topic, 0, b"eve", row, headers=[("changed", b"")])
        await zombie.tables.producer.flush()
    async with tables(broker, app_id) as next_owner:
        next_owner.restorer.assigned(1, {0})
        await next_owner.restorer.restore({0})
        assert next_owner.tables.users.live(0).get(b"eve") == users_row([1, 2, 3, 4, 5])


async def test_a_restore_says_how_far_it_is(broker: str, app_id: str) -> None:
    async with tables(broker, app_id) as mine:
        rows = [(key, users_row([1])) for key in keys_of_partition_0(3_000)]
        await mine.zombie_writes(mine.users_topic, *rows)
        mine.restorer.assigned(1, {0})
        restoring = asyncio.create_task(mine.restorer.restore({0}))
        reports = []
        while not restoring.done():
            reports.append(mine.restorer.progress.report())
            await asyncio.sleep(0)
        told = [report for report in reports if report is not None]
        assert [(first.rows_read, first.rows_to_go) for first in told[:1]] == [(0, 3_000)]
        assert [(last.rows_read, last.rows_to_go) for last in told[-1:]] == [(3_000, 0)]
        assert mine.restorer.progress.report() is None


async def _last_is(tables: Tables, topic: str, key: bytes, row: Row) -> None:
    async def is_last() -> bool:
        values = [value for _, each, value in await tables.log(topic) if each == key]
        return bool(values) and values[-1] == row

    await async_wait_until(is_last, f"the last record of a key in {topic} is the merge")


async def _has(tables: Tables, key: bytes, row: Row) -> bool:
    return tables.tables.users.live(0).get(key) == row


async def test_a_session_that_is_cancelled_while_it_opens_leaves_no_connection(broker: str) -> None:
    reader = LogReader(ReaderConfig(bootstrap_servers=broker))

    async def read() -> None:
        async with reader.session():
            await asyncio.sleep(1)

    # Those of earlier tests may be closed meanwhile.
    before = _connections(broker)
    for number in range(30):
        opening = asyncio.create_task(read())
        await asyncio.sleep(number / 2_000)
        opening.cancel()
        await asyncio.wait({opening})
    await async_wait_until(lambda: _is(_connections(broker) <= before), "every connection is closed")


def _connections(broker: str) -> set[int]:
    """Returns the local ports of the connections to the broker that this process has."""
    port = int(broker.rpartition(":")[2])
    connections = psutil.Process().net_connections("tcp4")
    return {each.laddr.port for each in connections if each.raddr and each.raddr.port == port}


async def _is(value: bool) -> bool:
    return value


async def test_a_strangers_transactions_in_a_changelog_do_not_hold_up_a_read(
    broker: str, unique: Callable[[str], str]
) -> None:
    """The reader reads up to the high watermark, past control records and an open transaction: an owner's own
    rows stand after them."""
    topic = unique("changelog")
    create_topics(broker, {topic: 1}, cleanup_policy="compact")

    def write() -> list[int]:
        row = [ToSend(b"key", b"row", [], None, 0)]
        offsets = [offset for _, offset in produce(broker, topic, row)]
        stranger.begin(topic, row)
        stranger.abort()
        offsets += [offset for _, offset in produce(broker, topic, row)]
        stranger.begin(topic, row)
        return [*offsets, *(offset for _, offset in produce(broker, topic, row))]

    async def read(session: ReadSession) -> list[int]:
        log = LogPartition(topic, 0)
        ends = await session.ends([log])
        batches = session.read({log: (0, ends[log])})
        return [record.offset async for batch in batches for record in batch.records]

    with transactions(broker, unique("stranger")) as stranger:
        offsets = await asyncio.to_thread(write)
        async with LogReader(ReaderConfig(bootstrap_servers=broker)).session() as session:
            assert set(offsets) <= set(await read(session))
            await asyncio.to_thread(stranger.commit)
            # Five records and two control records, which the broker may write a moment after the answer.
            await asyncio.to_thread(wait_until, lambda: end_offsets(broker, topic)[0] == 7, "all are written")
            assert set(offsets) <= set(await read(session))
            control_record = {LogPartition(topic, 0): (6, 7)}
            assert [batch async for batch in session.read(control_record)] == []
