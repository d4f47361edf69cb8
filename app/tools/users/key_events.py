"""The canonical events of one key, and what can be restored of a user from them."""

from collections.abc import Sequence
from contextlib import aclosing
from typing import NamedTuple

from app.canonical import Event, InvalidEvent, decode_event
from app.settings import Settings
from app.state import DeletedUser, UserRow, fold, micros_of
from app.tools.connected import Logs, Span
from app.tools.scan import scan


class KeyEvent(NamedTuple):
    """A record of the canonical topic under the key. `timestamp`: in milliseconds since 1970. `event`: None
    if the value is no canonical event."""

    offset: int
    timestamp: int
    value: bytes
    event: Event | None


async def read_events(
    logs: Logs, settings: Settings, key: bytes, partition: int, since: int | None = None
) -> list[KeyEvent]:
    """Returns the records of the canonical topic under this key, in their order. `since`: only those stamped
    with this time or later, in milliseconds since 1970. Raises KafkaError."""
    found = []
    ranges = await logs.ranges([settings.topic_events], Span(since=since, partition=partition))
    async with aclosing(scan(logs, ranges)) as batches:
        async for batch in batches:
            found += [
                KeyEvent(each.offset, each.timestamp, each.value, event_in(each.value))
                for each in batch.records
                if each.key == key and each.value is not None
            ]
    return found


def event_in(value: bytes) -> Event | None:
    """Returns the event of a record's value, or None if it is none."""
    try:
        return decode_event(value)
    except InvalidEvent:
        return None


def row_before_deletion(events: Sequence[Event], deleted_at: str | None) -> UserRow | None:
    """Returns the row as it was before the user was deleted: the last full snapshot, with what came after it;
    None if the events have no such snapshot.

    `events`: those of one key, in any order. `deleted_at`: the deletion that the row knows; None if its
    marker is gone, and then the latest deletion of the events counts.
    """
    timed = [(micros_of(event.time), event) for event in events]
    deletions = [at for at, event in timed if event.type == "user.deleted"]
    deleted = micros_of(deleted_at) if deleted_at is not None else max(deletions, default=None)
    if deleted is None:
        return None
    told = [(at, event) for at, event in timed if at <= deleted]
    snapshots = [at for at, event in told if event.type != "user.deleted" and event.data.snapshot == "full"]
    if not snapshots:
        return None
    # A deletion that a snapshot followed is over, but it removed what came before it.
    last = max(snapshots)
    lived = [event for at, event in told if event.type != "user.deleted" or at < last]
    (rows,) = fold(lived).values()
    return None if rows.user is None or isinstance(rows.user, DeletedUser) else rows.user
