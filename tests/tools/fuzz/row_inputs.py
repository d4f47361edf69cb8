"""Short logs of both changelogs of one partition: rows, and other records that a producer may write there."""

from collections.abc import Callable, Iterable
from functools import cache
from random import Random
from typing import Final

from msgspec import Struct

from app.canonical import decode_event
from app.engine.tables.merge_rules import TABLE_NAMES, TableName
from app.state import Rows, encode_loyalty, encode_user, fold
from tests.tools.fuzz.corpus import ID, KEY, TIME, Seed, _seeds, event_seeds
from tests.tools.fuzz.damage import damaged
from tests.tools.fuzz.headers import Headers
from tests.tools.fuzz.hostile_values import BROKEN, VALUES

ROW_KEY: Final = KEY.encode()
_SUB: Final = b'"sub":"7"'
_OTHER_SUB: Final = b'"sub":"8"'
_OTHER_KEY: Final = ROW_KEY[:-1] + b"8"
_KEYS: Final[tuple[bytes | None, ...]] = (
    *(None, None, b"", b"7", b"//", b"/", b"\xff\xfe", ROW_KEY.upper(), ROW_KEY + b"/", b"fuzz/acme/%37"),
    *(_OTHER_KEY, _OTHER_KEY, _OTHER_KEY, b"k" * 70_000),
)
_REPAIRED: Final[tuple[tuple[str, bytes | None], ...]] = (
    *(("repaired", b"%d" % offset) for offset in range(4)),
    *(
        ("repaired", value)
        for value in (None, b"", b"-1", b"zq7", b"\xff", b"9" * 19, b"9" * 20, b"9" * 5000)
    ),
    *(("Repaired", b"0"), ("repaired", "٣".encode()), ("", b"0"), ("zq7", None)),
)
_LATER: Final = (
    *(b',"mood":"sunny"}', b',"zq7":{}}', b',"status":"zq7"}', b',"entries":[{"kind":"zq7"}]}'),
    *(b',"\\u0000":1}', b',"expires_at":"2025-01-01T00:00:00.000000Z"}'),
)
_HISTORIES: Final = 300

Mutate = Callable[[Random, Seed, Seed], bytes]


class LogEntry(Struct, frozen=True):
    """A record of one of the changelogs. Its offset is its index in the log."""

    table: TableName
    key: bytes | None
    value: bytes | None
    headers: Headers


class RowInput(Struct, frozen=True):
    """The records of both logs, in the order in which they are read."""

    log: list[LogEntry]


@cache
def row_seeds(table: TableName) -> tuple[Seed, ...]:
    """Returns the different rows that are made by short histories of the fixtures' events."""
    bodies = {row for rows in _histories() if (row := _encoded(table, rows)) is not None}
    return tuple(_seeds(sorted(bodies)))


@cache
def _histories() -> tuple[Rows, ...]:
    rng = Random(1)
    seeds = event_seeds()
    return tuple(_history(rng, seeds) for _ in range(_HISTORIES))


def _history(rng: Random, seeds: tuple[Seed, ...]) -> Rows:
    events = []
    for number in range(1 + int(rng.random() * 5)):
        body = rng.choice(seeds).body.replace(ID, ID[:-2] + b'%d"' % number, 1)
        time = TIME[:-10] + b'%d.000000Z"' % int(rng.random() * 5)
        events.append(decode_event(body.replace(TIME, time, 1)))
    return fold(events)[KEY]


def _encoded(table: TableName, rows: Rows) -> bytes | None:
    if table == "users":
        return None if rows.user is None else encode_user(rows.user)
    return None if rows.loyalty is None else encode_loyalty(rows.loyalty)


def rows_input(rng: Random, mutate: Mutate) -> RowInput:
    """Returns a log of one to six records. `mutate`: the edits of bodies."""
    return RowInput([_entry(rng, mutate) for _ in range(1 + int(rng.random() * 6))])


def _entry(rng: Random, mutate: Mutate) -> LogEntry:
    table = rng.choice(TABLE_NAMES)
    key = rng.choice(_KEYS) if rng.random() < 0.15 else ROW_KEY
    value = row_value(rng, table, mutate)
    if key == _OTHER_KEY and value is not None and rng.random() < 0.8:
        value = value.replace(_SUB, _OTHER_SUB, 1)
    headers = [rng.choice(_REPAIRED)] if rng.random() < 0.15 else []
    return LogEntry(table, key, value, headers)


def row_value(rng: Random, table: TableName, mutate: Mutate) -> bytes | None:
    """Returns a value of a changelog, None for a tombstone."""
    seeds = row_seeds(table)
    seed = rng.choice(seeds)
    kind = rng.random()
    if kind < 0.12:
        return None
    if kind < 0.4:
        return seed.body
    if kind < 0.85:
        return mutate(rng, seed, rng.choice(seeds))
    if kind < 0.89:
        return rng.choice(row_seeds("loyalty" if table == "users" else "users")).body
    if kind < 0.93:
        return seed.body[:-1] + rng.choice(_LATER)
    if kind < 0.95:
        return seed.body.replace(_SUB, _OTHER_SUB, 1)
    if kind < 0.97:
        return rng.choice(event_seeds()).body
    return rng.choice((rng.choice(BROKEN), rng.choice(VALUES), damaged(rng, seed.body), rng.randbytes(9)))


def keys_of(log: Iterable[LogEntry]) -> set[bytes]:
    return {entry.key for entry in log if entry.key is not None}
