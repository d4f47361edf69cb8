"""What must hold of whatever stands on the changelogs (contract, section 4): of each value, of the rows of
one key with each other, and of a start that reads the log."""

from collections.abc import Iterable
from itertools import product
from typing import Final, NamedTuple
from zlib import crc32

from msgspec import UNSET, Struct
from msgspec.json import Decoder

from app.canonical import Event, decode_event, escape
from app.lane.findings import Headers, Place
from app.lane.fold import FoldedTable, PartitionFold
from app.lane.partitioner import partition_of_new
from app.lane.row_store import RowStore
from app.lane.rowlogic import TABLE_NAMES, LaterVersion, NoRow, Row, TableName
from app.row_logic import ROW_LOGIC
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
from app.state.registers import CLOCKS
from app.state.users import take_apart
from tests.fuzz.corpus import event_seeds
from tests.fuzz.finding import demand
from tests.fuzz.odd import SENTINEL
from tests.fuzz.row_inputs import ROW_KEY, LogEntry, RowInput, keys_of

_PARTITIONS: Final = 3
_PLACE: Final = Place(partition_of_new(ROW_KEY, _PARTITIONS), _PARTITIONS)
# Of a log's rows and of the events these are tried with each other.
_ROWS_PAIRED: Final = 3
_EVENTS_APPLIED: Final = 2
# Starts after which nothing is left to heal, if rows are in another form than ours.
_STARTS: Final = 4
_GRACES: Final = ((0, 0), (1_763_700_000_000_000, 1 << 40), (1 << 62, 1 << 62))


class Judged(NamedTuple):
    """For the tally: what a value is, and the detail if it is none of ours."""

    outcome: str
    detail: str


class _Owner(Struct):
    """Whose row it is, without a look at the rest."""

    vendor: str
    tenant: str
    sub: str


_owners: Final = Decoder(_Owner)


class _Record(NamedTuple):
    """A record of a changelog as recovery reads it."""

    key: bytes | None
    value: Row
    headers: Headers
    offset: int
    timestamp: int = -1


_Records = list[tuple[TableName, _Record]]


def check_log(it: RowInput) -> list[Judged]:
    """Raises Finding, and whatever the rows' logic or the fold of a log raises."""
    judged = [_judged(entry) for entry in it.log]
    for key in sorted(keys_of(it.log)):
        held = {name: _accepted(it.log, name, key) for name in TABLE_NAMES}
        for table, rows in held.items():
            _check_rows(table, key, rows)
        _check_pairs(key, held["users"], held["loyalty"])
    _check_store(it.log)
    _check_fold(it.log)
    return judged


def _judged(entry: LogEntry) -> Judged:
    key, value = entry.key, entry.value
    if value is None:
        return Judged("tombstone", "")
    if key is None:
        return Judged("keyless", "")
    match ROW_LOGIC.judge(entry.table, key, value):
        case None:
            owner = _owners.decode(value)
            told = f"{owner.vendor}/{escape(owner.tenant)}/{escape(owner.sub)}"
            demand(told.encode() == key, "a row tells its key")
            return Judged("row", "")
        case LaterVersion():
            return Judged("later version", "")
        case NoRow(reason, detail):
            demand(reason in ("not_json", "schema"), "a row's reason is of the closed set")
            demand(SENTINEL.decode() not in detail, "a detail of a row holds no text of the payload")
            return Judged(f"no row {reason}", detail)


def _accepted(log: Iterable[LogEntry], table: TableName, key: bytes) -> list[bytes]:
    """The different values that are rows of a key, in log order."""
    values = {entry.value: None for entry in log if entry.table == table and entry.key == key}
    return [value for value in values if value is not None and _is_row(table, key, value)]


def _is_row(table: TableName, key: bytes, value: bytes) -> bool:
    return ROW_LOGIC.judge(table, key, value) is None


def _encoded_again(table: TableName, value: bytes) -> bytes:
    if table == "users":
        return encode_user(decode_user(value))
    return encode_loyalty(decode_loyalty(value))


def _check_rows(table: TableName, key: bytes, rows: list[bytes]) -> None:
    logic = ROW_LOGIC.of(table)
    for row in rows:
        again = _encoded_again(table, row)
        demand(_encoded_again(table, again) == again, "a row survives its encoding")
        normal = logic.merge(key, row, row)
        demand(_is_row(table, key, normal), "a merged row is a row of its key")
        demand(logic.merge(key, normal, normal) == normal, "a merge with itself changes nothing")
        demand(logic.merge(key, row, normal) == normal, "a row's merge holds the row")
    for older, newer in product(rows[:_ROWS_PAIRED], repeat=2):
        merged = logic.merge(key, older, newer)
        demand(logic.merge(key, newer, older) == merged, "the merge of rows is commutative")
        demand(_is_row(table, key, merged), "a merged row is a row of its key")
        demand(logic.merge(key, merged, newer) == merged, "the merge holds both rows")
        if logic.supersedes(older, newer):
            # The newer row may stand in another form than ours, with blanks between its members.
            demand(merged == logic.merge(key, newer, newer), "a row that supersedes is the merge")


def _check_pairs(key: bytes, users: list[bytes], loyalty: list[bytes]) -> None:
    for user in users:
        ROW_LOGIC.is_marker(user)
        for now, grace in _GRACES:
            expired(decode_user(user), now, grace)
    for pair in product(_some(users), _some(loyalty)):
        left = ROW_LOGIC.reconcile(*pair)
        demand(ROW_LOGIC.reconcile(*left) == left, "to reconcile twice is to reconcile once")
        demand(left[0] == pair[0], "a loyalty row takes nothing from the users row")
        demand(left[1] is None or _is_row("loyalty", key, left[1]), "a pruned row is a row of its key")
        if key == ROW_KEY and pair != (None, None):
            _check_events(*pair)


def _some(rows: list[bytes]) -> list[Row]:
    return [*rows[:_ROWS_PAIRED]] or [None]


def _check_events(user: Row, loyalty: Row) -> None:
    """Rows that any producer wrote take the events of their key like rows of ours."""
    seeds = event_seeds()
    start = crc32((user or b"") + (loyalty or b""))
    for number in range(_EVENTS_APPLIED):
        event = decode_event(seeds[(start + number * 7) % len(seeds)].body)
        _check_event(event, user, loyalty)


def _check_event(event: Event, user: Row, loyalty: Row) -> None:
    held = _decoded(user, loyalty)
    before = _encoded(held)
    after_user, after_loyalty, _ = apply(event, *held)
    demand(_encoded(held) == before, "apply leaves the rows that it is given")
    for table, row in zip(TABLE_NAMES, _encoded(Rows(after_user, after_loyalty)), strict=True):
        demand(row is None or _is_row(table, ROW_KEY, row), "an event makes a row of its key")
    ours = (user is None or _in_our_form("users", ROW_KEY, user)) and (
        loyalty is None or _in_our_form("loyalty", ROW_KEY, loyalty)
    )
    again = apply(event, after_user, after_loyalty)
    demand(not ours or again[2] != "changed", "a repeat changes nothing")


def _in_our_form(table: TableName, key: bytes, row: bytes) -> bool:
    """Whether `apply` and `merge` could have made the row, as far as one can see. `judge` takes others too,
    which nothing is promised of but that they do no harm: with an `as_of` before their `deleted_at`, or
    without a stamp where there has to be one."""
    if ROW_LOGIC.of(table).merge(key, row, row) != row:
        return False
    held = decode_user(row) if table == "users" else None
    if not isinstance(held, UserRow) or held.as_of is not UNSET:
        return True
    return take_apart(held).keys() - _UNSTAMPED <= held.stamps.keys()


_UNSTAMPED: Final = frozenset({"presence", *CLOCKS})


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
    """Whatever it is: what is no row is refused before, and not by the store."""
    store, expected = RowStore(ROW_LOGIC.head), {}
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
            not any(isinstance(ROW_LOGIC.judge(table, key, row), NoRow) for key, row in _misplaced(found)),
            "a start keeps rows only, at whatever place",
        )
        found.findings.skipped()
    one_by_one = _folded(records, at_once=False)
    demand(_print(one_by_one) == _print(folded), "it is nothing in how many pieces a log is read")
    if any(found.findings.later is not None for found in folded.values()):
        return  # the worker stops there
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
        demand(not found.rewrite, "a log that a start has healed is healed")
        demand(dict(found.rows) == before[table], "a start on a healed log finds the rows of the last")


def _misplaced(found: FoldedTable) -> Iterable[tuple[bytes, bytes]]:
    return found.findings.misplaced.items()


def _folded(
    records: list[tuple[TableName, _Record]], *, at_once: bool = True
) -> dict[TableName, FoldedTable]:
    fold = PartitionFold(ROW_LOGIC, _PLACE)
    if at_once:
        for name in TABLE_NAMES:
            fold.read(name, [record for table, record in records if table == name])
    else:
        for table, record in records:
            fold.read(table, [record])
    return fold.finish()


def _print(folded: dict[TableName, FoldedTable]) -> object:
    return {
        name: (dict(found.rows), {key: found.records(key) for key in found.rewrite}, found.findings.skipped())
        for name, found in folded.items()
    }
