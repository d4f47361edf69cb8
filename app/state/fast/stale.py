"""Events that are older than everything they touch. A replay or a resend is made of such events."""

from msgspec import UNSET

from app.canonical import Event
from app.state.rules.instants import Instant
from app.state.rules.registers import times_of
from app.state.rules.rows import UserRow


# perf: saves 50 % of applying a replay; plain form: False, so that the caller merges.
def plainly_stale(row: UserRow, event: Event, at: Instant) -> bool:
    """Whether the event says something, and the users row plainly holds newer values of all of that.

    If not, the caller merges.
    """
    data = event.data
    if row.as_of is UNSET or row.as_of <= at.micros:
        return False
    # From here on the event's claims and attributes have lost: they are older than the row's full snapshot.
    if data.settings or data.presence is not UNSET:
        return False
    if data.status is not UNSET and (row.status is UNSET or row.stamps.get("status", row.as_of) <= at.micros):
        return False
    moved = times_of(event, at)
    for name in moved:
        held = getattr(row, name)
        if held is UNSET or held <= at.text:
            return False
    return bool(moved) or data.snapshot == "full" or data.status is not UNSET
