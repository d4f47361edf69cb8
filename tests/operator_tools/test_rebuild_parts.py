"""The rows of one partition are made again: the same as `fold` and `merge` make, without Kafka."""

from collections.abc import Sequence

import pytest

from app.canonical import Data, Event, encode_event
from app.engine import ChangelogRows, LogPartition, Pair, RowStore
from app.errors import CommandFailed
from app.settings import Settings
from app.state import NO_ROWS, Rows, encode_loyalty, encode_user, fold, merge
from app.table_rules import TABLE_RULES
from app.times import MICROS_PER_DAY, parse_rfc3339
from app.tools.rebuilds.new_tables import new_topics, switch_settings, with_partitions, with_tables
from app.tools.rebuilds.older_users import OlderUsers
from app.tools.rebuilds.rebuild_plan import RebuildCheck, RebuildPlan, TableDifference
from app.tools.rebuilds.rebuilt_rows import FoldCounts, Oldest, RebuiltRows
from app.tools.rebuilds.switch_state import SwitchState, partitions_ahead, switch_reason
from app.topics import OutputTopic
from tests.kafka import Record
from tests.operator_tools.canonical import event, loyalty_event, record_of

TOPIC = OutputTopic("new-users", 1, 2 << 20)
NOTHING_OLD = Oldest()


def nothing_covered(_: Event) -> bool:
    return False


def rebuilt(
    events: Sequence[Event], begin: ChangelogRows | None = None, oldest: Oldest = NOTHING_OLD
) -> tuple[RebuiltRows, FoldCounts]:
    counts = FoldCounts()
    rows = RebuiltRows(begin, (0, 1), TOPIC, counts)
    rows.fold([record_of(each, at) for at, each in enumerate(events)], nothing_covered, oldest)
    return rows, counts


def rows_of(events: Sequence[Event]) -> dict[bytes, Pair]:
    return {
        key.encode(): Pair(
            None if rows.user is None else encode_user(rows.user),
            None if rows.loyalty is None else encode_loyalty(rows.loyalty),
        )
        for key, rows in fold(events).items()
    }


def changelog(pairs: dict[bytes, Pair], ended: frozenset[bytes] = frozenset()) -> ChangelogRows:
    users, loyalty = RowStore(TABLE_RULES.head), RowStore(TABLE_RULES.head)
    users.update({key: pair.users for key, pair in pairs.items() if pair.users is not None})
    loyalty.update({key: pair.loyalty for key, pair in pairs.items() if pair.loyalty is not None})
    return ChangelogRows(users, loyalty, {}, ended, 0)


def found(rows: RebuiltRows) -> dict[bytes, Pair]:
    return {key: rows.pair(key) for key in rows.users.keys() | rows.loyalty.keys()}


HISTORY = [
    event("1", "2025-01-01T00:00:00.000000Z", name="Ada"),
    event("2", "2025-01-01T00:00:00.000000Z", name="Bo"),
    event("1", "2025-01-02T00:00:00.000000Z", name="Ada L."),
    loyalty_event("1", "2025-01-03T00:00:00.000000Z", 5),
    event("2", "2025-01-03T00:00:00.000000Z", type_="user.deleted"),
    loyalty_event("1", "2025-01-04T00:00:00.000000Z", 7),
]


def test_events_make_the_rows_that_fold_makes_and_each_is_written_once() -> None:
    rows, counts = rebuilt(HISTORY)
    assert found(rows) == rows_of(HISTORY)
    assert counts == FoldCounts(applied=6)
    written = list(rows.outgoing(("new-users", "new-loyalty")))
    assert sorted((each.topic, each.key) for each in written) == [
        ("new-loyalty", b"selfcommunity/acme/1"),
        ("new-users", b"selfcommunity/acme/1"),
        ("new-users", b"selfcommunity/acme/2"),
    ]
    assert {(each.topic, each.key): each.headers for each in written} == {
        ("new-loyalty", b"selfcommunity/acme/1"): [("changed", b"*")],
        ("new-users", b"selfcommunity/acme/1"): [("changed", b"*")],
        ("new-users", b"selfcommunity/acme/2"): [("changed", b"status")],
    }


@pytest.mark.parametrize("at", range(len(HISTORY) + 1))
def test_a_second_run_goes_on_where_the_first_one_ended(at: int) -> None:
    first, _ = rebuilt(HISTORY[:at])
    second, _ = rebuilt(HISTORY[at:], changelog(found(first)))
    assert found(second) == rows_of(HISTORY)
    before = rows_of(HISTORY[:at])
    for each in second.outgoing(("users", "loyalty")):
        index = ("users", "loyalty").index(each.topic)
        assert each.value != before.get(each.key or b"", Pair(None, None))[index]
    # What is written then is the difference, and a deletion makes a tombstone.
    if at == len(HISTORY):
        assert list(second.outgoing(("users", "loyalty"))) == []


@pytest.mark.parametrize("at", range(len(HISTORY) + 1))
def test_old_rows_are_merged(at: int) -> None:
    old = rows_of(HISTORY[:at])
    rows, _ = rebuilt(HISTORY[at:])
    assert rows.merge(changelog(old), frozenset()) == len(old)
    assert found(rows) == rows_of(HISTORY)
    expected = {key: merge(*pair) for key, pair in _both(HISTORY[:at], HISTORY[at:]).items()}
    assert found(rows) == {
        key: Pair(
            None if each.user is None else encode_user(each.user),
            None if each.loyalty is None else encode_loyalty(each.loyalty),
        )
        for key, each in expected.items()
    }


def _both(one: Sequence[Event], other: Sequence[Event]) -> dict[bytes, tuple[Rows, Rows]]:
    a, b = fold(one), fold(other)
    return {key.encode(): (a.get(key, NO_ROWS), b.get(key, NO_ROWS)) for key in a.keys() | b.keys()}


def test_old_rows_of_a_vendor_are_left_out() -> None:
    rows, _ = rebuilt(HISTORY[:1])
    assert rows.merge(changelog(rows_of(HISTORY)), frozenset({"selfcommunity"})) == 0
    assert found(rows) == rows_of(HISTORY[:1])


def test_what_is_no_event_is_counted_and_what_is_covered_left_out() -> None:
    counts = FoldCounts()
    rows = RebuiltRows(None, (0, 1), TOPIC, counts)
    good = record_of(HISTORY[0], 0)
    others = [good._replace(key=b"another"), good._replace(value=b"{"), good._replace(value=None)]
    rows.fold([good, *others], lambda each: each.data.user.get("name") == "Ada", NOTHING_OLD)
    assert (counts.covered, counts.none, counts.applied, found(rows)) == (1, 3, 0, {})


def test_an_event_after_which_a_row_would_be_too_large_is_left_out() -> None:
    large = [event("1", f"2025-01-0{day}T00:00:00.000000Z") for day in (1, 2, 3)]
    for day, each in enumerate(large):
        settings = {f"a{day}{number}": "x" * 10_000 for number in range(40)}
        each.data = Data(snapshot="partial", user={"sub": "1"}, settings=settings)
    rows, counts = rebuilt(large)
    assert (counts.applied, counts.too_large) == (2, 1)
    assert found(rows) == rows_of(large[:2])


def test_a_user_whose_marker_has_ended_does_not_come_back() -> None:
    key = b"selfcommunity/acme/1"
    at = parse_rfc3339("2025-01-03T00:00:00.000000Z")
    assert at is not None
    rows, counts = rebuilt(HISTORY[:3], oldest=Oldest(frozenset({key}), at))
    assert (counts.applied, counts.ended) == (1, 2)
    assert found(rows).keys() == {b"selfcommunity/acme/2"}


def test_a_marker_ends_with_its_grace_period_and_becomes_a_tombstone_if_it_was_written() -> None:
    begin, _ = rebuilt(HISTORY)
    deleted = parse_rfc3339("2025-01-03T00:00:00.000000Z")
    assert deleted is not None
    rows, _ = rebuilt([], changelog(found(begin)))
    rows.expire(deleted + MICROS_PER_DAY, MICROS_PER_DAY)
    assert list(rows.outgoing(("users", "loyalty"))) == []
    rows.expire(deleted + MICROS_PER_DAY + 1, MICROS_PER_DAY)
    (tombstone,) = rows.outgoing(("users", "loyalty"))
    assert (tombstone.topic, tombstone.key, tombstone.value) == ("users", b"selfcommunity/acme/2", None)
    assert tombstone.headers == [("changed", b"")]


def test_users_whose_rows_know_more_than_the_events_are_counted() -> None:
    for since, count in ((0, 0), (1, 0), (3, 1), (5, 2), (6, 2)):
        older = OlderUsers({"selfcommunity"})
        for each in HISTORY[since:]:
            older.note(each.partitionkey.encode(), each)
        older.compare(changelog(rows_of(HISTORY)))
        assert older.count == count, since
    others = OlderUsers({"fynd"})
    others.compare(changelog(rows_of(HISTORY)))
    assert others.count == 0


def test_a_check_tells_equal_differing_missing_and_unexpected_rows() -> None:
    difference = TableDifference()
    difference.compare({b"a": b"1", b"b": b"2", b"c": b"3"}, {b"a": b"1", b"b": b"x", b"d": b"4"})
    assert difference == TableDifference(1, 1, 1, 1)
    check = RebuildCheck(("u", "l"))
    check.compare(({b"a": b"1"}, {}), ({b"a": b"1"}, {}))
    assert [each.is_equal for each in check.tables] == [True, True]
    check.compare(({}, {}), ({}, {b"b": b"1"}))
    assert [each.is_equal for each in check.tables] == [True, False]
    assert not check.is_equal
    assert check.lines() == [
        "u: 1 rows equal, 0 differ, 0 are missing, 0 should not be there",
        "l: 0 rows equal, 0 differ, 0 are missing, 1 should not be there",
    ]
    assert check.members()["l"] == {"equal": 0, "differing": 0, "missing": 0, "unexpected": 1}


def test_workers_are_switched_when_none_runs_and_all_that_they_committed_was_read() -> None:
    log = LogPartition("events", 0)
    assert switch_reason("crew", 0, 0) == ""
    assert switch_reason("crew", 1, 0).startswith("group crew has 1 member: ")
    assert switch_reason("crew", 2, 0).startswith("group crew has 2 members: ")
    assert "has run meanwhile" in switch_reason("crew", 0, 1)
    assert partitions_ahead({log: 5}, {log: 5}) == 0
    assert partitions_ahead({log: 6}, {log: 5}) == 1
    assert partitions_ahead({log: 6}, {}) == 1
    ready = SwitchState("", {"TOPIC_USERS": "a", "TOPIC_LOYALTY": "b"})
    assert ready.lines() == ["ready to switch: start all workers with TOPIC_USERS=a TOPIC_LOYALTY=b"]
    assert ready.members() == {"ready": True, "reason": "", "settings": ready.variables}


def test_the_new_topics_have_the_name_and_what_the_old_ones_are_created_with() -> None:
    old = Settings(partitions_events=6)
    tables = with_tables(old, "rebuilt")
    made = {each.name: each for each in new_topics(old, tables)}
    assert made.keys() == {"rebuilt-users", "rebuilt-loyalty"}
    assert {(each.partitions, each.cleanup) for each in made.values()} == {(6, "compact")}
    assert switch_settings(old, tables) == {
        "TOPIC_USERS": "rebuilt-users",
        "TOPIC_LOYALTY": "rebuilt-loyalty",
    }
    wide = with_partitions(old, "wide", 24)
    assert {each.name: (each.partitions, each.cleanup) for each in new_topics(old, wide)} == {
        "wide-events": (24, "delete"),
        "wide-users": (24, "compact"),
        "wide-loyalty": (24, "compact"),
    }
    assert switch_settings(old, wide)["PARTITIONS_EVENTS"] == "24"


@pytest.mark.parametrize("name", ["", "a b", "x" * 240])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(CommandFailed, match="--into"):
        with_tables(Settings(), name)


def test_a_topic_of_the_workers_is_refused() -> None:
    with pytest.raises(CommandFailed, match="is a topic of the workers"):
        with_tables(Settings(topic_dead_letter="mine-users"), "mine")
    with pytest.raises(CommandFailed, match="is a topic of the workers"):
        with_tables(Settings(topic_users="again-users"), "again")


def test_runs_for_one_name_have_one_purpose() -> None:
    plan = RebuildPlan(into="a")
    assert plan.purpose() == RebuildPlan(into="a", go_on=True, partial=True).purpose()
    assert plan.purpose() != RebuildPlan(into="a", source="second").purpose()
    assert plan.purpose() != RebuildPlan(into="a", without_old=frozenset({"magine"})).purpose()


def test_a_record_of_the_helper_is_what_a_worker_writes() -> None:
    made = record_of(HISTORY[0], 3)
    assert isinstance(made, Record)
    assert (made.key, made.value, made.offset) == (
        b"selfcommunity/acme/1",
        encode_event(HISTORY[0]),
        3,
    )
