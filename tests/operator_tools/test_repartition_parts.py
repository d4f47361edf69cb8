"""Where a copy of a record goes, whether rows are equal, and when a group may move: without Kafka."""

import pytest

from app.engine import LogPartition, UnreadRecord, partition_of
from app.tools.progress_line import RateLimit
from app.tools.rebuilds.canonical_copy import CanonicalCopy, placed
from app.tools.rebuilds.group_move import events_left
from app.tools.rebuilds.repartition_plan import RepartitionCheck, RowSums
from tests.kafka import Record

OLD, NEW = 3, 7


def record(key: bytes | None, partition: int, *headers: tuple[str, bytes]) -> Record:
    return Record("events", partition, 0, 1_700_000_000_000, key, b"{}", list(headers))


@pytest.mark.parametrize("count", [1, 2, 5, NEW])
def test_a_record_goes_where_its_key_belongs_if_it_was_where_its_key_belongs(count: int) -> None:
    for number in range(50):
        key = b"magine/acme/%d" % number
        home = partition_of(key, OLD)
        for partition in range(OLD):
            where = placed(record(key, partition), partition, OLD, count)
            if partition == home:
                assert where == partition_of(key, count)
            else:
                assert where != partition_of(key, count)
                assert (where is None) == (count == 1)


def test_a_record_without_a_key_goes_anywhere_and_one_that_is_not_read_nowhere() -> None:
    assert [placed(record(None, each), each, OLD, 2) for each in range(OLD)] == [0, 1, 0]
    copy = CanonicalCopy(("events", OLD), ("new", NEW), RateLimit(0.0))
    assert copy._copies(0, [UnreadRecord(0, 0, "too large")]) == []
    assert copy.left_out == 1


def test_a_copy_has_the_headers_and_the_timestamp_of_the_record() -> None:
    copy = CanonicalCopy(("events", 1), ("new", NEW), RateLimit(0.0))
    (made,) = copy._copies(0, [record(b"k", 0, ("content-type", b"x"), ("\udcff", b"no text"))])
    assert (made.topic, made.partition, made.key, made.value) == ("new", partition_of(b"k", NEW), b"k", b"{}")
    assert list(made.headers) == [("content-type", b"x")]
    assert made.timestamp == 1_700_000_000_000
    (made,) = copy._copies(0, [record(b"k", 0)._replace(timestamp=-1)])
    assert made.timestamp is None


def test_rows_are_equal_in_any_order_and_differ_by_one_byte() -> None:
    rows = [(b"a", b"1"), (b"b", b"2"), (b"ab", b"")]

    def sums(*each: tuple[bytes, bytes]) -> RowSums:
        found = RowSums()
        found.add(each)
        return found

    assert sums(*rows) == sums(*reversed(rows))
    for other in ([*rows[:2], (b"ab", b"x")], rows[:2], [*rows, rows[0]], [*rows[:2], (b"a", b"b")]):
        assert sums(*rows) != sums(*other)
    check = RepartitionCheck({0: sums(*rows), 1: sums()}, {0: sums(*rows), 1: sums()})
    assert (check.is_equal, check.lines()) == (True, ["3 rows equal"])
    check.new[1] = sums(rows[0])
    assert check.members() == {"old": 3, "new": 4, "equal": False, "differing": [1]}
    assert check.lines() == ["3 rows in the old changelogs, 4 in the new ones; partitions that differ: 1"]


def test_what_a_group_has_left_is_counted_from_its_commit_or_the_first_record() -> None:
    a, b = LogPartition("events", 0), LogPartition("events", 1)
    assert events_left({a: 5}, {a: 0, b: 3}, {a: 5, b: 3}) == 0
    assert events_left({a: 4}, {a: 0, b: 3}, {a: 5, b: 7}) == 5
    assert events_left({}, {a: 2, b: 0}, {a: 5, b: 0}) == 3
