"""One user of an export against the row of that user."""

from typing import Final, Literal, NamedTuple
from urllib.parse import unquote

from msgspec import UNSET

from app.canonical import Event
from app.state import DeletedUser, User, UserRow, apply, changed_user, micros_of

Comparison = Literal["missing", "deleted_here", "deleted_there", "differing", "incomplete", "undecided"]


class Compared(NamedTuple):
    """What was found of one user. `fields`: names of the registers whose value the export would change, or
    would change if it were not of the same time. `newer`: names of those that differ and are newer in the
    row."""

    finding: Comparison | None
    fields: frozenset[str] = frozenset()
    newer: frozenset[str] = frozenset()


_ADDRESS: Final = "profile.address"
_EQUAL: Final = Compared(None)


def compare(event: Event, row: User | None) -> Compared:
    """Returns how the export's event differs from the row; None is no row.

    What the worker would do with the event decides: a row that the event does not change because it is newer
    is no finding.
    """
    after, _, effect = apply(event, row, None)
    if effect == "after_deletion":
        return _EQUAL
    if event.type == "user.deleted":
        # A deletion of an unknown user, or a second one, removes nothing.
        ends = isinstance(row, UserRow) and isinstance(after, DeletedUser)
        return Compared("deleted_there") if ends else _EQUAL
    if row is None:
        return Compared("missing")
    if isinstance(row, DeletedUser):
        return Compared("deleted_here")
    assert isinstance(after, UserRow)
    alone, _, _ = apply(event, None, None)
    assert isinstance(alone, UserRow)
    differing = {name for name in _names(row, alone) if _is_stated(name, alone)}
    corrected = _names(row, after)
    time = micros_of(event.time)
    newer = frozenset(name for name in differing - corrected if _stamp(row, name) > time)
    same_time = differing - corrected - newer
    fields = frozenset(corrected | same_time)
    if corrected:
        return Compared("differing", fields, newer)
    if same_time:
        return Compared("undecided", fields, newer)
    return Compared(None if row.complete else "incomplete", newer=newer)


def newest_of(row: UserRow) -> int:
    """Returns the time of the newest thing that is known of a user, in microseconds since 1970."""
    texts = [row.created_at, row.updated_at, row.last_login_at, row.last_logout_at]
    if row.presence is not UNSET:
        texts.append(row.presence.at)
    times = [micros_of(text) for text in texts if text is not UNSET]
    return max([*times, *row.stamps.values(), _as_of(row)])


def _names(before: UserRow, after: UserRow) -> set[str]:
    """Returns the names of the registers whose values differ."""
    return {unquote(name) for name in changed_user(before, after, None, None).decode().split(",") if name}


def _is_stated(name: str, alone: UserRow) -> bool:
    """Returns whether a full snapshot says something of a register. `alone`: the row that it makes alone."""
    if name == "status":
        return alone.status is not UNSET
    kind, _, setting = name.partition(".")
    return setting in alone.settings if kind == "settings" else kind != "presence"


def _stamp(row: UserRow, name: str) -> int:
    """Returns the time of a register of claims, attributes, settings or the status; also of one that was
    cleared."""
    cleared = row.stamps.get(_ADDRESS, 0) if name.startswith(f"{_ADDRESS}.") else 0
    return row.stamps.get(name, max(_as_of(row), cleared))


def _as_of(row: UserRow) -> int:
    return 0 if row.as_of is UNSET else row.as_of
