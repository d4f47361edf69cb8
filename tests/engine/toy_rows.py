"""Simple rows with the laws of the real ones: a set of event times, and the greatest time of a deletion.
Everything that is not newer than the deletion is gone."""

import json
from collections.abc import Iterable

from app.engine.tables.merge_rules import LaterVersion, NoRow, Pair, Row, RowRules, TableName, TableRules

Times = frozenset[int]


def users_row(events: Iterable[int], deleted_at: int = 0) -> Row:
    """Returns a users row: the marker of a deletion if no event is newer than the deletion, None if there is
    neither an event nor a deletion."""
    live = sorted({event for event in events if event > deleted_at})
    if deleted_at:
        return json.dumps({"deleted_at": deleted_at, "events": live}).encode()
    return json.dumps({"events": live}).encode() if live else None


def loyalty_row(events: Iterable[int], deleted_at: int = 0) -> Row:
    live = sorted({event for event in events if event > deleted_at})
    return json.dumps(live).encode() if live else None


def read_users(row: Row) -> tuple[Times, int]:
    if row is None:
        return frozenset(), 0
    members = json.loads(row)
    return frozenset(members["events"]), members.get("deleted_at", 0)


def read_loyalty(row: Row) -> Times:
    return frozenset() if row is None else frozenset(json.loads(row))


def merge_users(key: bytes, older: bytes, newer: bytes) -> bytes:
    (events, deleted), (other_events, other_deleted) = read_users(older), read_users(newer)
    merged = users_row(events | other_events, max(deleted, other_deleted))
    assert merged is not None
    return merged


def merge_loyalty(key: bytes, older: bytes, newer: bytes) -> bytes:
    merged = loyalty_row(read_loyalty(older) | read_loyalty(newer))
    assert merged is not None
    return merged


def reconcile(users: Row, loyalty: Row) -> tuple[Row, Row]:
    return users, loyalty_row(read_loyalty(loyalty), read_users(users)[1])


def changed(before: Row, after: Row) -> bytes:
    """Returns the rows themselves: so a test sees which two were compared."""
    return b"%b -> %b" % (before or b"-", after or b"-")


def is_marker(users: bytes) -> bool:
    events, deleted_at = read_users(users)
    return bool(deleted_at) and not events


def judge(table: TableName, _key: bytes, value: bytes) -> NoRow | LaterVersion | None:
    """Returns the verdict on a value. A toy row does not say whose it is."""
    try:
        row = json.loads(value)
    except ValueError:
        return NoRow("not_json", "expected JSON")
    if row == LATER:
        return LaterVersion()
    times = row.get("events") if isinstance(row, dict) else row
    shape = dict if table == "users" else list
    if isinstance(row, shape) and isinstance(times, list) and all(isinstance(time, int) for time in times):
        return None
    return NoRow("schema", "$: expected a toy row")


LATER = "a row of a later version"

TOY_RULES = TableRules(
    users=RowRules(
        merge=merge_users,
        supersedes=lambda older, newer: merge_users(b"", older, newer) == newer,
        changed=changed,
    ),
    loyalty=RowRules(
        merge=merge_loyalty,
        supersedes=lambda older, newer: merge_loyalty(b"", older, newer) == newer,
        changed=changed,
    ),
    judge=judge,
    reconcile=reconcile,
    is_marker=is_marker,
)


def apply_event(pair: Pair, kind: str, time: int) -> Pair:
    """Returns the rows after an event, as the state agent would: after an update, points, or a deletion."""
    events, deleted_at = read_users(pair.users)
    points = read_loyalty(pair.loyalty)
    if kind == "delete":
        deleted_at = max(deleted_at, time)
    elif time <= deleted_at:
        return pair
    elif kind == "update":
        events |= {time}
    else:
        events, points = events | {time}, points | {time}
    return Pair(users_row(events, deleted_at), loyalty_row(points, deleted_at))
