"""What `rollcall repair` is going to write, and what an operator is told of it before. The rules are those
that the worker has."""

from collections.abc import Sequence
from typing import NamedTuple

from app.canonical import Event, decode_event
from app.errors import CommandFailed
from app.key_state import LARGEST_ROW
from app.state import DeletedUser, Rows, apply, encode_user
from app.times import format_micros
from app.tools.users.key_events import row_before_deletion
from app.tools.users.operator_event import Signature, event_time, latest_stamp, update_of
from app.tools.users.row_changes import ValueChange, value_changes
from app.tools.users.row_fields import Changes
from app.tools.users.shown import printable
from app.tools.users.user_key import UserKey


class RepairPlan(NamedTuple):
    """The event that is to be written, and what is told of it."""

    event: bytes
    changes: list[ValueChange]
    lines: list[str]
    """For standard output: they have values."""
    question: str
    """It has names of fields and no values."""


def check_repairable(rows: Rows, *, restore: bool) -> None:
    """Raises CommandFailed if the user cannot be repaired, or with `restore` cannot be brought back."""
    is_deleted = isinstance(rows.user, DeletedUser)
    if restore and rows.user is not None and not is_deleted:
        raise CommandFailed("the user is not deleted")
    if not restore and rows.user is None:
        raise CommandFailed("there is no row of this key")
    if not restore and is_deleted:
        raise CommandFailed("the user is deleted: --restore brings the user back")


def plan_repair(user: UserKey, rows: Rows, changes: Changes, now: int, by: Signature) -> RepairPlan:
    """Returns what changes these fields of a user who is not deleted. `now`: in microseconds since 1970.
    Raises CommandFailed if a worker would refuse it."""
    at = event_time(now, latest_stamp(rows))
    event = update_of(user, at, changes.partial(user.sub), by)
    told = f"vendor events up to {format_micros(at)} will lose against these values"
    return _plan(user, rows, event, told, "Write this")


def plan_restore(
    user: UserKey, rows: Rows, events: Sequence[Event], changes: Changes, now: int, by: Signature
) -> RepairPlan:
    """Returns what brings a deleted user back: a full snapshot of the row as it was before the deletion, with
    these changes. `events`: the user's canonical events, as far as they are still there. `now`: in
    microseconds since 1970.

    Raises CommandFailed if nothing is known of the user, or if a worker would refuse the event.
    """
    if rows.user is None and not events:
        raise CommandFailed("there is neither a row nor an event of this key")
    deleted_at = rows.user.deleted_at if isinstance(rows.user, DeletedUser) else None
    before = row_before_deletion(events, deleted_at)
    if before is None and not any(value is not None for value in changes.values.values()):
        raise CommandFailed(
            "the canonical topic has no full snapshot from before the deletion: give values with --set"
        )
    at = event_time(now, latest_stamp(rows))
    event = update_of(user, at, changes.full(user.sub, before), by)
    told = f"vendor events up to {format_micros(at)} will change nothing of this user any more"
    return _plan(user, rows, event, told, "Restore the user")


def _plan(user: UserKey, rows: Rows, event: bytes, told: str, verb: str) -> RepairPlan:
    after, _, _ = apply(decode_event(event), rows.user, rows.loyalty)
    if after is None or len(encode_user(after)) > LARGEST_ROW:
        raise CommandFailed(f"the row would have more than {LARGEST_ROW} bytes")
    changes = value_changes(rows.user, after)
    lines = [str(user), *(f"  {printable(str(change))}" for change in changes)]
    if not changes:
        lines.append("  no value changes; the fields get a later stamp")
    names = ", ".join(change.name for change in changes) or "no value"
    return RepairPlan(event, changes, [*lines, told], f"{verb} ({printable(names)})?")
