"""What must be true of any records on the changelogs (docs/tables.md#no-row): of each value, of the rows of
one key together, and of a start that reads the log."""

from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple
from zlib import crc32

from msgspec import UNSET, Struct
from msgspec.json import Decoder

from app.canonical import Event, decode_event
from app.engine.producer.partitioner import partition_of_new
from app.engine.producer.refusals import Headers
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.findings import HomePartition
from app.engine.tables.log_replay import RestoredTable
from app.engine.tables.merge_rules import TABLE_NAMES, LaterVersion, NoRow, Row, TableName
from app.engine.tables.row_store import RowStore
from app.keys import escape
from app.state import (
    Rows,
    UserRow,
    apply,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
    expired,
)
from app.state.rules.registers import TIMES
from app.state.rules.users import to_registers
from app.table_rules import TABLE_RULES
from tests.tools.fuzz.corpus import event_seeds
from tests.tools.fuzz.finding import demand
from tests.tools.fuzz.hostile_values import SENTINEL
from tests.tools.fuzz.row_inputs import ROW_KEY, LogEntry, RowInput, keys_of
from tests.tools.fuzz.shortcut_laws import check_shortcuts, check_stored

_PARTITIONS: Final = 3
_HOME: Final = HomePartition(partition_of_new(ROW_KEY, _PARTITIONS), _PARTITIONS)
# So many rows of a log are tried with each other, and so many events are applied to them.
_ROWS_PAIRED: Final = 3
_EVENTS_APPLIED: Final = 2
# If rows have a form that Rollcall does not write, nothing is left to repair after so many starts.
_STARTS: Final = 4
_GRACES: Final = ((0, 0), (1_763_700_000_000_000, 1 << 40), (1 << 62, 1 << 62))


class Judged(NamedTuple):
    """What the report counts: the kind of a value, and the detail if it is no row."""

    outcome: str
    detail: str


class _Owner(Struct):
    """A view of a row: only the user whom it is about."""

    vendor: str
    tenant: str
    sub: str


_owners: Final = Decoder(_Owner)


class _Record(NamedTuple):
    """A record of a changelog in the form in which a restore reads it."""

    key: bytes | None
    value: Row
    headers: Headers
    offset: int
    timestamp: int = -1


_Records = list[tuple[TableName, _Record]]


def check_log(it: RowInput) -> list[Judged]:
    """Returns what the report counts. Raises Finding, and every error of the rules of rows or of a
    restore."""
    judged = [_judged(entry) for entry in it.log]
    for key in sorted(keys_of(it.log)):
        accepted = {name: _accepted(it.log, name, key) for name in TABLE_NAMES}
        for table, rows in accepted.items():
            _check_rows(table, key, rows)
        _check_pairs(key, accepted["users"], accepted["loyalty"])
    _check_store(it.log)
    _check_fold(it.log)
    return judged


def _judged(entry: LogEntry) -> Judged:
    key, value = entry.key, entry.value
    if value is None:
        return Judged("tombstone", "")
    if key is None:
        return Judged("keyless", "")
    match TABLE_RULES.judge(entry.table, key, value):
        case None:
            owner = _owners.decode(value)
            told = f"{owner.vendor}/{escape(owner.tenant)}/{escape(owner.sub)}"
            demand(told.encode() == key, "a row tells its key")
            return Judged("row", "")
        case LaterVersion():
            return Judged("later version", "")
        case NoRow(reason, detail):
            demand(reason in ("not_json", "schema"), "a row's reason is of the closed set")
            demand(SENTINEL.decode() not in detail, "a detail of a row has no text of the payload")
            return Judged(f"no row {reason}", detail)


def _accepted(log: Iterable[LogEntry], table: TableName, key: bytes) -> list[bytes]:
    """Returns the different values that are rows of a key, in the order of the log."""
    values = {entry.value: None for entry in log if entry.table == table and entry.key == key}
    return [value for value in values if value is not None and _is_row(table, key, value)]


def _is_row(table: TableName, key: bytes, value: bytes) -> bool:
    return TABLE_RULES.judge(table, key, value) is None


def _encoded_again(table: TableName, value: bytes) -> bytes:
    if table == "users":
        return encode_user(decode_user(value))
    return encode_loyalty(decode_loyalty(value))


def _check_rows(table: TableName, key: bytes, rows: list[bytes]) -> None:
    rules = TABLE_RULES.of(table)
    for row in rows:
        again = _encoded_again(table, row)
        check_stored(table, row, again)
        demand(_encoded_again(table, again) == again, "a row survives its encoding")
        normal = rules.merge(key, row, row)
        demand(_is_row(table, key, normal), "a merged row is a row of its key")
        demand(rules.merge(key, normal, normal) == normal, "a merge with itself changes nothing")
        demand(rules.merge(key, row, normal) == normal, "a merge contains the row")
    for older, newer in product(rows[:_ROWS_PAIRED], repeat=2):
        merged = rules.merge(key, older, newer)
        demand(rules.merge(key, newer, older) == merged, "the merge of rows is commutative")
        demand(_is_row(table, key, merged), "a merged row is a row of its key")
        demand(rules.merge(key, merged, newer) == merged, "a merge contains both rows")
        if rules.supersedes(older, newer):
            # The newer row may have a form that Rollcall does not write, with blanks between its members.
            demand(merged == rules.merge(key, newer, newer), "a row that supersedes is the merge")


def _check_pairs(key: bytes, users: list[bytes], loyalty: list[bytes]) -> None:
    for user in users:
        TABLE_RULES.is_marker(user)
        for now, grace in _GRACES:
            expired(decode_user(user), now, grace)
    for pair in product(_some(users), _some(loyalty)):
        left = TABLE_RULES.reconcile(*pair)
        demand(TABLE_RULES.reconcile(*left) == left, "to reconcile twice is to reconcile once")
        demand(left[0] == pair[0], "a loyalty row takes nothing from the users row")
        demand(left[1] is None or _is_row("loyalty", key, left[1]), "a pruned row is a row of its key")
        if key == ROW_KEY and pair != (None, None):
            _check_events(*pair)


def _some(rows: list[bytes]) -> list[Row]:
    return [*rows[:_ROWS_PAIRED]] or [None]


def _check_events(user: Row, loyalty: Row) -> None:
    """Checks that events can be applied to rows that any producer wrote, as to rows of Rollcall."""
    seeds = event_seeds()
    start = crc32((user or b"") + (loyalty or b""))
    for number in range(_EVENTS_APPLIED):
        event = decode_event(seeds[(start + number * 7) % len(seeds)].body)
        _check_event(event, user, loyalty)


def _check_event(event: Event, user: Row, loyalty: Row) -> None:
    given = _decoded(user, loyalty)
    before = _encoded(given)
    after_user, after_loyalty, _ = apply(event, *given)
    demand(_encoded(given) == before, "apply leaves the rows that it is given")
    for table, row in zip(TABLE_NAMES, _encoded(Rows(after_user, after_loyalty)), strict=True):
        demand(row is None or _is_row(table, ROW_KEY, row), "an event makes a row of its key")
    ours = (user is None or _in_our_form("users", ROW_KEY, user)) and (
        loyalty is None or _in_our_form("loyalty", ROW_KEY, loyalty)
    )
    again = apply(event, after_user, after_loyalty)
    demand(not ours or again[2] != "changed", "a repeat changes nothing")
    if ours:
        for rows in (given, Rows(after_user, after_loyalty)):
            check_shortcuts(event, rows)


def _in_our_form(table: TableName, key: bytes, row: bytes) -> bool:
    """Returns whether the row looks as if `apply` and `merge` had made it. `judge` accepts other rows too:
    with an `as_of` before their `deleted_at`, or without a stamp that a row of Rollcall has. The only promise
    about them is that they do no harm."""
    if TABLE_RULES.of(table).merge(key, row, row) != row:
        return False
    decoded = decode_user(row) if table == "users" else None
    if not isinstance(decoded, UserRow) or decoded.as_of is not UNSET:
        return True
    return to_registers(decoded).keys() - _UNSTAMPED <= decoded.stamps.keys()


_UNSTAMPED: Final = frozenset({"presence", *TIMES})


def _decoded(user: Row, loyalty: Row) -> Rows:
    return Rows(
        None if user is None else decode_user(user), None if loyalty is None else decode_loyalty(loyalty)
    )


def _encoded(rows: Rows) -> tuple[Row, Row]:
    return (
        None if rows.user is None else encode_user(rows.user),
        None if rows.loyalty is None else encode_loyalty(rows.loyalty),
    )


def _check_store(log: Iterable[LogEntry]) -> None:
    """Checks that the store keeps any value. Values that are no rows are refused before they reach it."""
    store, expected = RowStore(TABLE_RULES.head), {}
    for entry in log:
        if entry.key is not None and entry.value is not None:
            store[entry.key] = expected[entry.key] = entry.value
    store.share_keys(store)
    demand(dict(store) == expected, "the store gives back what it was given")


def _check_fold(log: list[LogEntry]) -> None:
    records = [
        (entry.table, _Record(entry.key, entry.value, entry.headers, offset))
        for offset, entry in enumerate(log)
    ]
    folded = _folded(records)
    for table, found in folded.items():
        demand(all(_is_row(table, key, row) for key, row in found.rows.items()), "a start installs rows only")
        demand(
            not any(isinstance(TABLE_RULES.judge(table, key, row), NoRow) for key, row in _misplaced(found)),
            "a start keeps rows only, also in a wrong partition",
        )
        found.findings.skipped()
    one_by_one = _folded(records, at_once=False)
    demand(
        _fingerprint(one_by_one) == _fingerprint(folded),
        "the number of pieces in which a log is read changes nothing",
    )
    if any(found.findings.later is not None for found in folded.values()):
        return  # the worker stops in this case
    ours = all(
        _in_our_form(name, key, row)
        for name in TABLE_NAMES
        for key in keys_of(log)
        for row in _accepted(log, name, key)
    )
    before: dict[TableName, dict[bytes, bytes]] = {}
    for _ in range(1 if ours else _STARTS):
        before = {name: dict(found.rows) for name, found in folded.items()}
        repairs = [
            (table, _Record(key, *record, len(records)))
            for table, found in folded.items()
            for key in sorted(found.rewrite)
            for record in found.records(key)
        ]
        records += repairs
        folded = _folded(records)
    for table, found in folded.items():
        demand(not found.rewrite, "a start repairs a log completely")
        demand(
            dict(found.rows) == before[table], "a start on a repaired log finds the rows of the start before"
        )


def _misplaced(found: RestoredTable) -> Iterable[tuple[bytes, bytes]]:
    return found.findings.misplaced.items()


def _folded(
    records: list[tuple[TableName, _Record]], *, at_once: bool = True
) -> dict[TableName, RestoredTable]:
    fold = ChangelogReplay(TABLE_RULES, _HOME)
    if at_once:
        for name in TABLE_NAMES:
            fold.read(name, [record for table, record in records if table == name])
    else:
        for table, record in records:
            fold.read(table, [record])
    return fold.finish()


def _fingerprint(folded: dict[TableName, RestoredTable]) -> object:
    return {
        name: (dict(found.rows), {key: found.records(key) for key in found.rewrite}, found.findings.skipped())
        for name, found in folded.items()
    }
