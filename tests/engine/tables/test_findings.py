"""Every kind of value that is no row, at any position of either log, found by a restore or by a scan."""

from collections.abc import Callable, Sequence

import faust
import pytest

from app.engine.producer.partitioner import partition_of
from app.engine.record_batches.open_batches import UnreadRecord
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.findings import REPAIRED, Findings, HomePartition, too_many_misplaced
from app.engine.tables.merge_rules import CHANGED, TABLE_NAMES, Row, TableName
from app.engine.tables.table import SliceTable
from app.engine.tables.user_tables import UserTables
from app.engine.tables.write_ledger import LogPartition
from app.table_rules import TABLE_RULES
from tests.engine.tables.changelog_model import LogRecord, Logs, Worker
from tests.engine.toy_rows import LATER as TOY_LATER
from tests.engine.toy_rows import TOY_RULES, users_row
from tests.state import no_rows
from tests.state.no_rows import KEY, LATER, MARKER, NOT_JSON, ROWS, SCHEMA, changed

HOME = HomePartition(partition_of(KEY, 6), 6)
ELSEWHERE = HomePartition(HOME.partition + 1, 7)
assert partition_of(KEY, ELSEWHERE.partitions) != ELSEWHERE.partition

GARBAGE = "garbage"
Shape = Sequence[Row | str]
"""The values of a log, with GARBAGE in place of a value that is no row."""


def shapes(table: TableName) -> dict[str, Shape]:
    row = ROWS[table]
    newer = {
        "users": changed(no_rows.USERS_ROW, last_login_at="2024-01-01T00:00:09.000000Z"),
        "loyalty": changed(no_rows.LOYALTY_ROW, points={"value": 10, "as_of": 1_704_067_209_000_000}),
    }[table]
    return {
        "alone": [GARBAGE],
        "twice": [GARBAGE, GARBAGE],
        "after the row": [row, GARBAGE],
        "before the row": [GARBAGE, row],
        "between two rows": [row, GARBAGE, newer],
        "after a row that is not the newest": [newer, row, GARBAGE],
        "before a tombstone": [GARBAGE, None],
        "between row and tombstone": [row, GARBAGE, None],
        "after a tombstone": [row, None, GARBAGE],
        "again after the row": [GARBAGE, row, GARBAGE],
        "after the marker": [MARKER if table == "users" else row, GARBAGE],
        "after the marker's end": [MARKER if table == "users" else row, None, GARBAGE],
    }


def write(logs: Logs, table: TableName, shape: Shape, garbage: bytes | None) -> list[int]:
    """Writes a log and returns the offsets of garbage. If `garbage` is None, nothing is written in its
    place."""
    offsets = []
    for value in shape:
        if not isinstance(value, str):
            logs.write(table, LogRecord(KEY, value))
        elif garbage is not None:
            offsets.append(logs.write(table, LogRecord(KEY, garbage)))
    return offsets


def start(logs: Logs) -> Worker:
    worker = Worker(logs, TABLE_RULES, home=HOME)
    worker.restore()
    worker.drain()
    return worker


def by_restore(table: TableName, shape: Shape, garbage: bytes | None) -> tuple[Logs, Worker, list[int]]:
    logs = Logs()
    offsets = write(logs, table, shape, garbage)
    return logs, start(logs), offsets


def by_scan(table: TableName, shape: Shape, garbage: bytes | None) -> tuple[Logs, Worker, list[int]]:
    logs = Logs()
    worker = start(logs)
    offsets = write(logs, table, shape, garbage)
    worker.scan()
    worker.drain()
    return logs, worker, offsets


@pytest.mark.parametrize("table", TABLE_NAMES)
@pytest.mark.parametrize("find", [by_restore, by_scan])
@pytest.mark.parametrize("name", shapes("users"))
def test_garbage_counts_as_not_written_and_one_look_repairs_the_log(
    table: TableName,
    name: str,
    find: Callable[[TableName, Shape, bytes | None], tuple[Logs, Worker, list[int]]],
) -> None:
    shape = shapes(table)[name]
    _, without, _ = find(table, shape, None)
    for garbage in (NOT_JSON[table] | SCHEMA[table]).values():
        logs, worker, offsets = find(table, shape, garbage)
        assert worker.pair(KEY) == without.pair(KEY)
        assert logs.last(KEY) == without.pair(KEY)
        assert logs.dead[table] == offsets, "each is a dead letter, once"
        # A second start finds nothing, whatever comes after the garbage.
        ends = {each: len(records) for each, records in logs.records.items()}
        again = start(logs)
        assert again.pair(KEY) == without.pair(KEY)
        assert logs.dead[table] == offsets
        assert {each: len(records) for each, records in logs.records.items()} == ends


def replay(table: TableName, home: HomePartition, *values: Row, key: bytes | None = KEY) -> ChangelogReplay:
    partition = ChangelogReplay(TABLE_RULES, home)
    partition.read(table, [LogRecord(key, value, offset=at) for at, value in enumerate(values)])
    return partition


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_a_valid_row_in_the_wrong_partition_is_left_alone(table: TableName) -> None:
    restored = replay(table, ELSEWHERE, ROWS[table], None, ROWS[table]).finish()[table]
    assert (dict(restored.rows), restored.rewrite) == ({}, set())
    assert restored.findings.misplaced == {KEY: ROWS[table]}
    assert restored.findings.skipped() == {
        "garbage": 0,
        "keyless": 0,
        "not_read": 0,
        "misplaced_row": 2,
        "misplaced_tombstone": 1,
        "later_version": 0,
    }


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_garbage_in_the_wrong_partition_is_written_over_where_it_stands(table: TableName) -> None:
    for garbage in (NOT_JSON[table] | SCHEMA[table]).values():
        restored = replay(table, ELSEWHERE, garbage).finish()[table]
        assert restored.rewrite == {KEY}
        assert restored.records(KEY) == [(None, [(CHANGED, b""), (REPAIRED, b"0")])]
        # A row that no worker owns here is not lost by that.
        restored = replay(table, ELSEWHERE, ROWS[table], garbage).finish()[table]
        assert restored.records(KEY) == [(ROWS[table], [(CHANGED, b""), (REPAIRED, b"1")])]


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_a_later_versions_row_is_named_and_not_touched(table: TableName) -> None:
    for later in LATER[table].values():
        partition = replay(table, HOME, ROWS[table], later, later)
        findings, _ = partition.findings(table)
        assert findings.later == 1
        assert partition.finish()[table].rewrite == set()
        # In a wrong partition it is left alone as any other row is.
        findings, _ = replay(table, ELSEWHERE, later).findings(table)
        assert (findings.later, findings.misplaced) == (None, {KEY: later})


@pytest.mark.parametrize("table", TABLE_NAMES)
@pytest.mark.parametrize("value", [None, b"", b"{}", *ROWS.values()])
def test_a_record_without_a_key_is_only_skipped(table: TableName, value: Row) -> None:
    restored = replay(table, HOME, value, key=None).finish()[table]
    assert (dict(restored.rows), restored.rewrite) == ({}, set())
    assert {kind: count for kind, count in restored.findings.skipped().items() if count} == {"keyless": 1}


@pytest.mark.parametrize("table", TABLE_NAMES)
def test_a_record_that_is_not_read_ends_no_row(table: TableName) -> None:
    partition = replay(table, HOME, ROWS[table])
    partition.read(table, [UnreadRecord(1, 0, "its batch")])
    restored = partition.finish()[table]
    assert (dict(restored.rows), restored.rewrite) == ({KEY: ROWS[table]}, set())
    assert {kind: count for kind, count in restored.findings.skipped().items() if count} == {"not_read": 1}


@pytest.mark.parametrize("header", [b"", b"x", None, b"-1", b"1" * 30, b"\xd9\xa2"])
def test_a_mark_that_names_no_offset_says_nothing(header: bytes | None) -> None:
    findings = Findings(TABLE_RULES, "users", HOME)
    garbage, row = LogRecord(KEY, b"{}"), LogRecord(KEY, no_rows.USERS_ROW, [("repaired", header)], 1)
    for key, records in findings.at_home([garbage, row], ()):
        assert [findings.counts(key, record, None) for record in records] == [False, True]
    assert findings.skipped()["garbage"] == 1


def test_a_repair_says_nothing_of_later_garbage() -> None:
    logs, _, _ = by_restore("users", [GARBAGE, no_rows.USERS_ROW], b"{}")
    offset = logs.write("users", LogRecord(KEY, b"{"))
    start(logs)
    assert logs.dead["users"] == [0, offset]
    assert logs.last(KEY).users == no_rows.USERS_ROW


@pytest.mark.parametrize(
    ("misplaced", "keys", "many"),
    [
        (0, 0, False),
        (9, 9, False),
        (10, 10, True),
        (10, 1_000, True),
        (10, 1_001, False),
        (99, 9_999, False),
        (100, 10_000, True),
    ],
)
def test_many_is_a_share_of_a_log_and_at_least_ten(misplaced: int, keys: int, many: bool) -> None:
    assert too_many_misplaced(misplaced, keys) is many


class _NoProducer:
    on_acknowledged = None


@pytest.fixture
def tables() -> UserTables:
    app = faust.App("toy", store="memory://", Table=SliceTable)
    users, loyalty = (app.Table(name, key_type=bytes, value_type=bytes) for name in TABLE_NAMES)
    assert isinstance(users, SliceTable)
    assert isinstance(loyalty, SliceTable)
    return UserTables(
        users=users,
        loyalty=loyalty,
        rules=TOY_RULES,
        producer=_NoProducer(),  # type: ignore[arg-type]
        partitions=12,
        dead_letter=lambda log, garbage: None,
    )


def grown(tables: UserTables, keys: int) -> dict[int, ChangelogReplay]:
    """Returns the replays of the logs of a topic that had 6 partitions and now has 12."""
    replays = {partition: tables.replay(partition) for partition in range(12)}
    for number in range(keys):
        key = b"key-%d" % number
        replays[partition_of(key, 6)].read("users", [LogRecord(key, users_row([1]))])
    return replays


@pytest.mark.parametrize("keys", [24, 40, 1_000])
def test_a_topic_that_was_given_more_partitions_is_refused(tables: UserTables, keys: int) -> None:
    said = tables.objection(grown(tables, keys))
    assert said is not None
    assert "toy-users-changelog" in said
    assert "partition count was changed" in said
    assert "\n" not in said


def test_a_few_keys_in_a_wrong_partition_are_no_reason_to_stop(tables: UserTables) -> None:
    replays = {partition: tables.replay(partition) for partition in range(12)}
    for number in range(9):
        key = b"key-%d" % number
        replays[(partition_of(key, 12) + 1) % 12].read("users", [LogRecord(key, users_row([1]))])
    assert tables.objection(replays) is None
    # Keys over which an operator has written tombstones do not count any more.
    replays = grown(tables, 40)
    for number in range(40):
        key = b"key-%d" % number
        replays[partition_of(key, 6)].read("users", [LogRecord(key, None)])
    assert tables.objection(replays) is None


def test_a_later_versions_row_is_named_by_its_place(tables: UserTables) -> None:
    key = next(b"key-%d" % number for number in range(100) if partition_of(b"key-%d" % number, 12) == 3)
    replays = {3: tables.replay(3)}
    replays[3].read("loyalty", [LogRecord(key, b'"%b"' % TOY_LATER.encode(), offset=7)])
    assert tables.objection(replays) is None
    assert tables.later_versions(replays) == {3: "toy-loyalty-changelog/3/7 is a row of a later version"}


def test_what_is_known_of_misplaced_rows_outlives_the_restore(tables: UserTables) -> None:
    key = next(b"key-%d" % number for number in range(100) if partition_of(b"key-%d" % number, 12) == 3)
    replay = tables.replay(4)
    replay.read("users", [LogRecord(key, users_row([1]))])
    ends = dict.fromkeys(tables.logs(4), 1)
    tables.install(4, replay.finish(), ends)
    log = LogPartition("toy-users-changelog", 4)
    assert tables.new_findings(log).misplaced == {key: users_row([1])}
    tables.forget(4)
    assert tables.new_findings(log).misplaced == {}


@pytest.mark.parametrize("garbage", [False, True])
def test_a_deleted_users_loyalty_row_under_garbage_stays_away_when_the_marker_has_ended(
    garbage: bool,
) -> None:
    logs = Logs()
    write(logs, "users", [MARKER], None)
    # A crash came between the marker and the tombstone of the loyalty row.
    write(logs, "loyalty", [ROWS["loyalty"], GARBAGE] if garbage else [ROWS["loyalty"]], b"{}")
    assert start(logs).pair(KEY) == (MARKER, None)
    write(logs, "users", [None], None)  # the grace period is over
    ends = {each: len(records) for each, records in logs.records.items()}
    assert start(logs).pair(KEY) == (None, None)
    assert {each: len(records) for each, records in logs.records.items()} == ends


def test_a_repair_by_one_who_did_not_know_the_deleted_users_row_ends_it_neither() -> None:
    logs = Logs()
    write(logs, "users", [MARKER], None)
    (at,) = write(logs, "loyalty", [ROWS["loyalty"], GARBAGE], b"{}")
    logs.write("loyalty", LogRecord(KEY, None, [(REPAIRED, b"%d" % at)]))
    assert start(logs).pair(KEY) == (MARKER, None)
    write(logs, "users", [None], None)  # the grace period is over
    assert start(logs).pair(KEY) == (None, None)
