"""The state agent, without a broker: it makes rows, dead letters and counts of slices of canonical events."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import faust
import msgspec
import pytest
from msgspec import UNSET

from app import canonical_records, key_state, slice_parts, state_agent
from app.canonical import Event, encode_event
from app.dead_letters import SourceRecord
from app.engine import Headers, Pause, Slice
from app.engine.producer.partitioner import partition_of
from app.engine.tables.findings import Garbage
from app.engine.tables.table import SliceTable
from app.engine.tables.user_tables import UserTables
from app.engine.tables.write_ledger import LogPartition
from app.key_state import LARGEST_ROW
from app.metrics import Metrics
from app.outcome import Dead
from app.state import Rows, decode_loyalty, decode_user, encode_loyalty, encode_user, fold
from app.state_agent import StateAgent
from app.table_rules import TABLE_RULES
from app.topics import OutputTopic
from tests.agents import parts_of
from tests.state.events import deleted, event, full, partial, points, score
from tests.state.histories import encoded
from tests.state.random_histories import random_histories

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
    """Stands in for the producer: it keeps what is appended."""

    def __init__(self) -> None:
        self.records: list[tuple[str, int, bytes, bytes | None]] = []
        self.headers: list[Headers] = []

    def append(
        self, topic: str, partition: int, key: bytes, value: bytes | None, *, headers: Headers
    ) -> None:
        self.records.append((topic, partition, key, value))
        self.headers.append(headers)

    def bytes(self) -> int:
        return sum(len(key) + len(value or b"") for _, _, key, value in self.records)


class RecordedDeadLetters:
    def __init__(self) -> None:
        self.dead: list[tuple[int, str, Dead]] = []

    def append(self, record: Line, source: SourceRecord, dead: Dead) -> None:
        assert record.offset == source.offset
        self.dead.append((source.offset, source.vendor, dead))


class Bench:
    """A state agent, the rows of partition HOME, and what it wrote."""

    def __init__(self, largest: int = 64 << 20) -> None:
        app = faust.App("toy", store="memory://", Table=SliceTable)
        users, loyalty = (app.Table(name, key_type=bytes, value_type=bytes) for name in ("users", "loyalty"))
        assert isinstance(users, SliceTable)
        assert isinstance(loyalty, SliceTable)
        self.written, self.dead_letters, self.metrics = Written(), RecordedDeadLetters(), Metrics()
        self.between: Callable[[], object] = lambda: None
        self.tables = UserTables(
            users=users,
            loyalty=loyalty,
            rules=TABLE_RULES,
            producer=self.written,  # type: ignore[arg-type]
            partitions=PARTITIONS,
            dead_letter=_no_garbage,
        )
        for table in (users, loyalty):
            for partition in range(PARTITIONS):
                table.install(partition, {})
        self._agent = StateAgent(
            self.tables,
            self.written,  # type: ignore[arg-type]
            OutputTopic("rows", PARTITIONS, largest),
            self.dead_letters,  # type: ignore[arg-type]
            self.metrics,
        )

    async def handle(self, *lines: Line, partition: int = HOME, skipped: bool = False) -> None:
        """Handles a slice as the engine does if the brokers acknowledge everything."""
        self.parts = 0
        for part in list(
            parts_of(self._agent, Slice("events", partition, lines, skipped=skipped), self.between)
        ):
            assert not isinstance(part, Pause)
            assert not part.settle()
            part.count()
            self.parts += 1

    def rows(self, key: bytes = KEY) -> tuple[bytes | None, bytes | None]:
        return self.tables.users.live(HOME).get(key), self.tables.loyalty.live(HOME).get(key)

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


async def test_the_metrics_hear_of_each_event_once() -> None:
    """Also of the events that are applied a second time, because a row is too large."""
    first = msgspec.structs.replace(
        event("created", 1, full=True), recordedtime="2024-01-01T12:00:00.000000Z"
    )
    late = msgspec.structs.replace(first, id="late", time="2024-01-01T12:05:01.000000Z")
    bench = Bench(largest=200)
    await bench.handle(*lines([first, first, late, msgspec.structs.replace(first, recordedtime=UNSET)]))
    assert bench.dead_letters.dead
    sample = bench.metrics.registry.get_sample_value
    assert sample("rollcall_freshness_total") == 3
    assert sample("rollcall_changelog_latency_seconds_count") == 3
    assert sample("rollcall_duplicate_events_total") == 2
    assert sample("rollcall_events_ahead_total", {"vendor": "magine"}) == 1
    dead = sample("rollcall_dead_letters_total", {"vendor": "canonical", "reason": "too_large"})
    assert dead == len(bench.dead_letters.dead)


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
    assert bench.dead_letters.dead == []


async def test_a_record_that_an_operator_skips_is_dead_and_not_read(monkeypatch: pytest.MonkeyPatch) -> None:
    def deadly(_: bytes) -> None:
        raise AssertionError("it was read")

    monkeypatch.setattr(canonical_records, "decode_event", deadly)
    bench = Bench()
    await bench.handle(*lines([event("created", 1, full=True)]), skipped=True)
    assert bench.rows() == (None, None)
    ((_, _, dead),) = bench.dead_letters.dead
    assert dead == Dead("mapper_error", "skipped by operator")
    assert bench.counted() == {"mapper_error": 1}


async def test_each_record_names_what_differs_from_the_record_before() -> None:
    """However many events a slice has, and whichever of them repeat a value."""
    kinds = set()
    for number, history in enumerate(random_histories(seed=5, count=120)):
        bench = Bench()
        for start in range(0, len(history), 1 + number % 3):
            await bench.handle(*lines(history[start : start + 1 + number % 3]))
        before: dict[str, bytes | None] = {}
        for (topic, _, _, row), headers in zip(bench.written.records, bench.written.headers, strict=True):
            rules = TABLE_RULES.of("users" if "users" in topic else "loyalty")
            assert headers == [("changed", rules.changed(before.get(topic), row))]
            before[topic] = row
            kinds.add(headers[0][1])
    assert kinds >= {b"*", b"status", b"", b"profile.email", b"entries"}


@pytest.mark.parametrize("partition", [each for each in range(PARTITIONS) if each != HOME])
async def test_a_key_in_a_partition_where_it_does_not_belong_is_dead(partition: int) -> None:
    bench = Bench()
    await bench.handle(*lines([full(1), full(2)]), partition=partition)
    dead = Dead("schema", "the partition: expected the one of the key")
    assert bench.dead_letters.dead == [(0, "canonical", dead), (1, "canonical", dead)]
    assert bench.written.records == []
    assert bench.counted() == {"schema": 2}


@pytest.mark.parametrize(
    "changes",
    [
        {"partitionkey": "magine/acme/8"},
        {"vendor": "fynd"},
        {"tenant": "other"},
        {"tenant": "acme/7", "partitionkey": "magine/acme/7/7"},
        {"data": {"snapshot": "full", "user": {"sub": "8"}}},
    ],
)
async def test_an_event_whose_key_is_anothers_is_dead(changes: dict[str, Any]) -> None:
    """Such an event would make a row that a restore takes for garbage."""
    value = msgspec.json.encode(msgspec.json.decode(encode_event(full(1))) | changes)
    for key in (KEY, str(changes.get("partitionkey")).encode()):
        bench = Bench()
        await bench.handle(Line(0, NOON, key, value))
        assert [dead.reason for _, _, dead in bench.dead_letters.dead] == ["schema"]
        assert bench.written.records == []


@pytest.mark.parametrize("key", [None, b"", b"magine/acme/8", KEY + b"/"])
async def test_a_record_whose_key_is_not_its_events_is_dead(key: bytes | None) -> None:
    bench = Bench()
    await bench.handle(Line(0, NOON, key, encode_event(full(1))))
    assert bench.dead_letters.dead == [
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
    header = (
        "x-original-timestamp",
        str(NOON + 20_000 * DAY).encode(),
    )  # has no meaning on the canonical topic
    await bench.handle(Line(0, timestamp, KEY, value, (header,)))
    assert [(vendor, each.reason) for _, vendor, each in bench.dead_letters.dead] == [
        ("canonical", "bad_time")
    ] * dead
    assert bench.counted() == {"bad_time" if dead else "changed": 1}


# About the largest value of an attribute, and of a reason of a score.
HUGE, REASON = "x" * 16_000, "x" * 1_000
# In place of 1 MiB, which only many events would fill.
LIMIT = 3 * len(HUGE)


@pytest.fixture
def small_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_state, "LARGEST_ROW", LIMIT)


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
        partial(9, attributes={"e": HUGE}),  # too much, also at the end of the slice
        partial(
            4, attributes={"c": "old"}
        ),  # stale; it would not be if the first event with `c` had been applied
    ]
    bench = Bench()
    await bench.handle(*lines(history))
    dead = Dead("too_large", f"its row: expected at most {LIMIT} bytes")
    assert bench.dead_letters.dead == [(3, "canonical", dead), (7, "canonical", dead)]
    applied = [each for offset, each in enumerate(history) if offset not in {3, 7}]
    assert bench.rows() == encoded(fold(applied)[KEY.decode()])
    assert bench.counted() == {"changed": 6, "stale": 1, "too_large": 2}
    assert len(bench.written.records) == 1


async def test_the_loyalty_row_has_a_limit_too(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_state, "LARGEST_ROW", 3 * len(REASON))
    history = [score(number, score={"reason": REASON}) for number in (1, 2, 3, 4)]
    bench = Bench()
    await bench.handle(*lines(history))
    assert [(offset, each.reason) for offset, _, each in bench.dead_letters.dead] == [
        (2, "too_large"),
        (3, "too_large"),
    ]
    assert bench.rows() == encoded(fold(history[:2])[KEY.decode()])


@pytest.mark.usefixtures("small_limit")
async def test_a_row_that_becomes_small_again_in_its_slice_costs_nothing() -> None:
    history = [full(1, attributes={"a": HUGE, "b": HUGE, "c": HUGE}), full(2), partial(3)]
    bench = Bench()
    await bench.handle(*lines(history))
    assert bench.dead_letters.dead == []
    assert bench.rows() == encoded(fold(history)[KEY.decode()])


async def test_what_the_changelog_takes_is_a_limit_too() -> None:
    bench = Bench(largest=10_000)
    await bench.handle(*lines([full(1), partial(2, attributes={"a": HUGE}), partial(3)]))
    assert [(offset, each.reason) for offset, _, each in bench.dead_letters.dead] == [(1, "too_large")]
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
        bench.tables.users.install(HOME, {KEY: user or b""})
        bench.tables.loyalty.install(HOME, {KEY: loyalty or b""})
        await bench.handle(*lines([after]))
        assert len(bench.dead_letters.dead) == dead


async def test_a_burst_writes_at_most_one_row_a_table_and_slice() -> None:
    """The changelog records of a slice are bounded, also if it has many events on large rows."""
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


def large_row(**more: Any) -> Event:
    return full(1, attributes={f"a{n}": "x" * 10_000 for n in range(10)}, **more)


async def test_other_tasks_run_while_a_long_slice_is_applied_and_what_they_change_is_kept(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The repair of a changelog merges a zombie's row between the reading of a row and its change."""
    monkeypatch.setattr(slice_parts, "PART_SECONDS", 0.0)
    history = [full(1, user={"name": "A"}), score(2), partial(3, user={"email": "e@example.com"})]
    zombie = fold([partial(4, user={"nickname": "N"})])[KEY.decode()].user
    assert zombie is not None
    bench = Bench()
    turns = list[int]()

    def repair() -> None:
        turns.append(len(turns))
        if len(turns) == 2:
            bench.tables.users.live(HOME).put(KEY, encode_user(zombie), b"*")

    bench.between = repair
    await bench.handle(*lines(history))
    assert len(turns) > len(history)
    assert bench.rows() == encoded(fold([*history, partial(4, user={"nickname": "N"})])[KEY.decode()])
    assert bench.counted() == {"changed": 3}
    assert bench.parts == 1


async def test_large_events_and_large_rows_are_decoded_in_a_thread_and_end_a_part() -> None:
    bench = Bench()
    calls = list[int]()
    bench.between = lambda: calls.append(1)
    small = [partial(2, id="b"), partial(3, id="c", user={"name": "N"})]
    await bench.handle(*lines([partial(0, id="a"), large_row(), *small]))
    assert bench.rows()[0] == encoded(fold([partial(0, id="a"), large_row(), *small])[KEY.decode()])[0]
    assert (bench.parts, len(calls)) == (2, 1)
    # Now the row is large, and so the first record of a slice waits for the thread, which decodes it.
    await bench.handle(*lines([partial(4, id="d"), partial(5, id="e", user={"name": "O"})]))
    assert (bench.parts, len(calls)) == (1, 2)
    row = bench.rows()[0]
    assert row is not None
    assert b'"name":"O"' in row


async def test_a_row_that_changes_while_a_thread_decodes_it_is_decoded_again() -> None:
    bench = Bench()
    await bench.handle(*lines([large_row()]))
    newer = fold([large_row(), partial(4, user={"nickname": "N"})])[KEY.decode()].user
    assert newer is not None
    bench.between = lambda: bench.tables.users.live(HOME).put(KEY, encode_user(newer), b"*")
    await bench.handle(*lines([partial(5, user={"name": "O"})]))
    history = [large_row(), partial(4, user={"nickname": "N"}), partial(5, user={"name": "O"})]
    assert bench.rows() == encoded(fold(history)[KEY.decode()])


async def test_a_part_ends_when_its_events_and_rows_take_much_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(state_agent, "_PART_BYTES", 20_000)
    arrays = [partial(n, id=f"i{n}", attributes={"a": [[]] * 2_000}) for n in range(3)]
    bench = Bench()
    await bench.handle(*lines(arrays))
    assert bench.parts == 3, "each is a few kilobytes of text, and hundreds when it is decoded"
    assert bench.rows() == encoded(fold(arrays)[KEY.decode()])
    texts = [partial(n, id=f"i{n}", user={"name": "x" * 4_000}) for n in range(9)]
    bench = Bench()
    await bench.handle(*lines(texts))
    assert bench.parts == 2
    assert bench.rows() == encoded(fold(texts)[KEY.decode()])


async def test_a_large_record_that_is_no_event_is_dead() -> None:
    bench = Bench()
    await bench.handle(Line(0, NOON, KEY, b"[" * 100_000))
    assert bench.dead_letters.dead == [(0, "canonical", Dead("schema", "expected JSON"))]
