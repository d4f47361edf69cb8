"""Slices of canonical events become rows, dead letters and counts: the agent without a broker."""

from collections.abc import Awaitable, Sequence
from typing import Any, NamedTuple

import faust
import msgspec
import pytest

from app import state_agent
from app.canonical import encode_event
from app.deadletter import Origin
from app.lane import Slice
from app.lane.findings import Garbage
from app.lane.ledger import LogPartition
from app.lane.partitioner import partition_of
from app.lane.table_pair import TablePair
from app.lane.tables import LaneTable
from app.metrics import Metrics
from app.outcome import Dead
from app.row_logic import ROW_LOGIC
from app.state import Rows, decode_loyalty, decode_user, encode_loyalty, encode_user, fold
from app.state_agent import LARGEST_ROW, StateAgent
from app.topics import Target
from tests.state.events import deleted, event, full, partial, points, score
from tests.state.histories import encoded

PARTITIONS = 12
KEY = b"magine/acme/7"
HOME = partition_of(KEY, PARTITIONS)
NOON = 1_704_110_400_000  # 2024-01-01T12:00:00Z
DAY = 86_400_000


class Line(NamedTuple):
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class Written:
    """Stands for the producer: what was appended."""

    def __init__(self) -> None:
        self.records: list[tuple[str, int, bytes, bytes | None]] = []

    def enter(self, *_: object) -> None:
        pass

    def append(self, topic: str, partition: int, key: bytes, value: bytes | None) -> None:
        self.records.append((topic, partition, key, value))

    async def sync(self) -> None:
        pass

    def bytes(self) -> int:
        return sum(len(key) + len(value or b"") for _, _, key, value in self.records)


class Letters:
    def __init__(self) -> None:
        self.dead: list[tuple[int, str, Dead]] = []

    def append(self, record: Line, origin: Origin, dead: Dead) -> None:
        assert record.offset == origin.offset
        self.dead.append((origin.offset, origin.vendor, dead))


class Bench:
    """A state agent, the rows of partition HOME, and what it wrote."""

    def __init__(self, largest: int = 64 << 20) -> None:
        app = faust.App("toy", store="memory://", Table=LaneTable)
        users, loyalty = (app.Table(name, key_type=bytes, value_type=bytes) for name in ("users", "loyalty"))
        assert isinstance(users, LaneTable)
        assert isinstance(loyalty, LaneTable)
        self.written, self.letters, self.metrics = Written(), Letters(), Metrics()
        self.pair = TablePair(
            users=users,
            loyalty=loyalty,
            logic=ROW_LOGIC,
            producer=self.written,  # type: ignore[arg-type]
            partitions=PARTITIONS,
            dead_letter=_no_garbage,
        )
        for table in (users, loyalty):
            for partition in range(PARTITIONS):
                table.install(partition, {})
        self._agent = StateAgent(
            self.pair,
            self.written,  # type: ignore[arg-type]
            Target("rows", PARTITIONS, largest),
            self.letters,  # type: ignore[arg-type]
            self.metrics,
        )

    def handle(self, *lines: Line, partition: int = HOME) -> Awaitable[None]:
        return self._agent.handle(Slice("events", partition, lines))

    def rows(self, key: bytes = KEY) -> tuple[bytes | None, bytes | None]:
        return self.pair.users.live(HOME).get(key), self.pair.loyalty.live(HOME).get(key)

    def counted(self) -> dict[str, float]:
        return {
            sample.labels[label]: sample.value
            for total, label in ((self.metrics.effects, "effect"), (self.metrics.canonical_dead, "reason"))
            for family in total.collect()
            for sample in family.samples
            if sample.name.endswith("_total")
        }


def _no_garbage(_log: LogPartition, _garbage: Garbage) -> None:
    raise AssertionError("an agent reads no changelog")


def lines(events: Sequence[Any], timestamp: int = NOON) -> list[Line]:
    return [
        Line(offset, timestamp, each.partitionkey.encode(), encode_event(each))
        for offset, each in enumerate(events)
    ]


async def test_a_slice_becomes_the_rows_of_its_events_in_one_record_a_table() -> None:
    history = [
        event("created", 1, full=True),
        score(2),
        points(3),
        partial(4, user={"name": "N"}),
        partial(4),
    ]
    bench = Bench()
    await bench.handle(*lines(history))
    assert bench.rows() == encoded(fold(history)[KEY.decode()])
    assert [topic for topic, *_ in bench.written.records] == ["toy-users-changelog", "toy-loyalty-changelog"]
    assert bench.counted() == {"changed": 4, "unchanged": 1}
    assert bench.letters.dead == []


@pytest.mark.parametrize("partition", [each for each in range(PARTITIONS) if each != HOME])
async def test_a_key_in_a_partition_where_it_does_not_belong_is_dead(partition: int) -> None:
    bench = Bench()
    await bench.handle(*lines([full(1), full(2)]), partition=partition)
    dead = Dead("schema", "the partition: expected the one of the key")
    assert bench.letters.dead == [(0, "canonical", dead), (1, "canonical", dead)]
    assert bench.written.records == []
    assert bench.counted() == {"schema": 2}


@pytest.mark.parametrize(
    "odd",
    [
        {"partitionkey": "magine/acme/8"},
        {"vendor": "fynd"},
        {"tenant": "other"},
        {"tenant": "acme/7", "partitionkey": "magine/acme/7/7"},
        {"data": {"snapshot": "full", "user": {"sub": "8"}}},
    ],
)
async def test_an_event_whose_key_is_anothers_is_dead(odd: dict[str, Any]) -> None:
    """Else it would make a row that recovery takes for garbage."""
    value = msgspec.json.encode(msgspec.json.decode(encode_event(full(1))) | odd)
    for key in (KEY, str(odd.get("partitionkey")).encode()):
        bench = Bench()
        await bench.handle(Line(0, NOON, key, value))
        assert [dead.reason for _, _, dead in bench.letters.dead] == ["schema"]
        assert bench.written.records == []


@pytest.mark.parametrize("key", [None, b"", b"magine/acme/8", KEY + b"/"])
async def test_a_record_whose_key_is_not_its_events_is_dead(key: bytes | None) -> None:
    bench = Bench()
    await bench.handle(Line(0, NOON, key, encode_event(full(1))))
    assert bench.letters.dead == [
        (0, "canonical", Dead("schema", "$.partitionkey: expected the record's key"))
    ]


@pytest.mark.parametrize(
    ("time", "timestamp", "dead"),
    [
        ("1999-12-31T23:59:59.999999Z", NOON, True),
        ("1999-12-31T23:59:59.999999Z", -1, True),
        ("2000-01-01T00:59:59.999999+01:00", NOON, True),
        ("2000-01-01T00:00:00.000000Z", NOON, False),
        ("0001-01-01T00:00:00Z", NOON, True),
        ("2024-01-03T12:00:00.000000Z", NOON, False),
        ("2024-01-03T12:00:00.000001Z", NOON, True),
        ("2024-01-03T13:00:00.000000+01:00", NOON, False),
        ("2024-01-03T11:00:00.000001-01:00", NOON, True),
        ("2024-01-01T23:59:59.000000-23:59", NOON, False),
        ("2024-01-04T11:00:00.000000+23:59", NOON, False),
        ("9999-12-31T23:59:59.999999Z", NOON, True),
        ("9999-12-31T23:59:59.999999Z", -1, False),
        ("9999-12-31T23:59:59.999999Z", -(2**62), False),
        ("9999-12-31T23:59:59.999999Z", 2**62, False),
        ("2024-01-01T00:00:00.000000Z", 0, True),
        ("2024-01-01T00:00:00.000000Z", NOON + 10_000 * DAY, False),
    ],
)
async def test_a_time_that_cannot_be_is_dead(time: str, timestamp: int, dead: bool) -> None:
    bench = Bench()
    value = encode_event(full(1)).replace(b"2024-01-01T00:00:01.000000Z", time.encode())
    header = ("x-original-timestamp", str(NOON + 20_000 * DAY).encode())  # not looked at here
    await bench.handle(Line(0, timestamp, KEY, value, (header,)))
    assert [(vendor, each.reason) for _, vendor, each in bench.letters.dead] == [
        ("canonical", "bad_time")
    ] * dead
    assert bench.counted() == {"bad_time" if dead else "changed": 1}


# As large as an attribute may be, and as a reason of a score.
HUGE, REASON = "x" * 16_000, "x" * 1_000
# In place of 1 MiB, which takes many events to fill.
LIMIT = 3 * len(HUGE)


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_agent, "LARGEST_ROW", LIMIT)


@pytest.mark.usefixtures("small_limit")
async def test_events_that_would_make_a_row_too_large_are_dead_one_by_one() -> None:
    history = [
        full(1, user={"name": "N"}),
        partial(2, attributes={"a": HUGE}),
        partial(3, attributes={"b": HUGE}),
        partial(4, attributes={"c": HUGE}),  # too much
        partial(5, attributes={"d": "small"}, user={"email": "E"}),
        partial(7, attributes={"a": None}),
        partial(8, attributes={"c": HUGE}),  # now it fits
        partial(9, attributes={"e": HUGE}),  # too much, and stays so to the end of the slice
        partial(4, attributes={"c": "old"}),  # stale, as it would not be if the first one had been applied
    ]
    bench = Bench()
    await bench.handle(*lines(history))
    dead = Dead("too_large", f"its row: expected at most {LIMIT} bytes")
    assert bench.letters.dead == [(3, "canonical", dead), (7, "canonical", dead)]
    applied = [each for offset, each in enumerate(history) if offset not in {3, 7}]
    assert bench.rows() == encoded(fold(applied)[KEY.decode()])
    assert bench.counted() == {"changed": 6, "stale": 1, "too_large": 2}
    assert len(bench.written.records) == 1


async def test_the_loyalty_row_has_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_agent, "LARGEST_ROW", 3 * len(REASON))
    history = [score(number, score={"reason": REASON}) for number in (1, 2, 3, 4)]
    bench = Bench()
    await bench.handle(*lines(history))
    assert [(offset, each.reason) for offset, _, each in bench.letters.dead] == [
        (2, "too_large"),
        (3, "too_large"),
    ]
    assert bench.rows() == encoded(fold(history[:2])[KEY.decode()])


@pytest.mark.usefixtures("small_limit")
async def test_a_row_that_becomes_small_again_in_its_slice_costs_nothing() -> None:
    history = [full(1, attributes={"a": HUGE, "b": HUGE, "c": HUGE}), full(2), partial(3)]
    bench = Bench()
    await bench.handle(*lines(history))
    assert bench.letters.dead == []
    assert bench.rows() == encoded(fold(history)[KEY.decode()])


async def test_what_the_changelog_takes_is_a_limit_too() -> None:
    bench = Bench(largest=10_000)
    await bench.handle(*lines([full(1), partial(2, attributes={"a": HUGE}), partial(3)]))
    assert [(offset, each.reason) for offset, _, each in bench.letters.dead] == [(1, "too_large")]
    assert len(bench.rows()[0] or b"") < 1_000


@pytest.mark.usefixtures("small_limit")
async def test_an_old_row_over_the_limit_may_become_smaller_and_may_be_deleted() -> None:
    huge = fold([full(1, attributes={"a": HUGE, "b": HUGE, "c": HUGE}), score(1)])[KEY.decode()]
    user, loyalty = encoded(huge)
    for after, dead in (
        (partial(2, attributes={"d": "x"}), 1),
        (partial(2, attributes={"a": "x"}), 0),
        (full(2), 0),
        (deleted(2), 0),
    ):
        bench = Bench()
        bench.pair.users.install(HOME, {KEY: user or b""})
        bench.pair.loyalty.install(HOME, {KEY: loyalty or b""})
        await bench.handle(*lines([after]))
        assert len(bench.letters.dead) == dead


async def test_a_burst_writes_at_most_one_row_a_table_and_slice() -> None:
    """However large the rows and however many the events: a slice's changelog records are bounded."""
    bench = Bench()
    await bench.handle(*lines([full(1, attributes={"a": HUGE, "b": HUGE})]))
    before = bench.written.bytes()
    burst = [partial(2 + n % 50, id=f"i{n}", attributes={f"n{n % 9}": n}) for n in range(2_000)]
    await bench.handle(*lines(burst))
    assert bench.written.bytes() - before <= LARGEST_ROW
    assert len(bench.written.records) == 2


async def test_rows_survive_what_the_agent_writes() -> None:
    bench = Bench()
    await bench.handle(*lines([event("created", 1, full=True), score(2)]))
    user, loyalty = bench.rows()
    assert user is not None
    assert loyalty is not None
    rows = Rows(decode_user(user), decode_loyalty(loyalty))
    assert rows.user is not None
    assert rows.loyalty is not None
    assert (encode_user(rows.user), encode_loyalty(rows.loyalty)) == (user, loyalty)
