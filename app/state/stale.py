"""The short way of an event that is older than all it touches: a replay or a resend is made of these."""

from msgspec import UNSET

from app.canonical import Event
from app.state.registers import clocks_said
from app.state.rows import UserRow


def plainly_stale(row: UserRow, event: Event, micros: int, text: str) -> bool:
    """Whether the event says something, and all of that is older than what the users row holds of it.

    False says nothing: the caller then merges, and sees.
    """
    data = event.data
    if row.as_of is UNSET or row.as_of <= micros:
        return False  # else its claims and attributes are lost, for they are older than the row's snapshot
    if data.settings or data.presence is not UNSET:
        return False
    if data.status is not UNSET and (row.status is UNSET or row.stamps.get("status", row.as_of) <= micros):
        return False
    clocks = clocks_said(event, text)
    for name in clocks:
        held = getattr(row, name)
        if held is UNSET or held <= text:
            return False
    return bool(clocks) or data.snapshot == "full" or data.status is not UNSET
