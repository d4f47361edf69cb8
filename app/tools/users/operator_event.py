"""The canonical events that an operator writes: `repair` and `forget` (docs/tools/repair.md).

They are ordinary events of the user, with a source of their own. Their time is later than everything that the
rows know, so they win against it whatever clock had stamped it.
"""

import uuid
from typing import Final, NamedTuple

from msgspec import UNSET

from app.canonical import (
    DATA_CONTENT_TYPE,
    DATA_SCHEMA,
    SPEC_VERSION,
    Actor,
    Deletion,
    EventType,
    InvalidEvent,
    decode_event,
    encode_event,
)
from app.errors import CommandFailed
from app.new_event import NewData, NewEvent
from app.state import DeletedUser, LoyaltyRow, Rows, User, micros_of
from app.times import MICROS_PER_DAY, format_micros
from app.tools.users.user_key import UserKey

SOURCE: Final = "/rollcall/operator"
# A worker refuses an event that is more than two days ahead of its record (docs/events.md#foreign-events).
_MOST_AHEAD: Final = 2 * MICROS_PER_DAY


class Signature(NamedTuple):
    """Who writes an event, and why: its members `data.actor.sub` and `data.note`."""

    who: str
    why: str


def latest_stamp(rows: Rows) -> int:
    """Returns the greatest stamp or time of both rows, in microseconds since 1970; 0 if there is none."""
    return max(_user_stamp(rows.user), _loyalty_stamp(rows.loyalty))


def _user_stamp(user: User | None) -> int:
    if user is None:
        return 0
    if isinstance(user, DeletedUser):
        return micros_of(user.deleted_at)
    presence = UNSET if user.presence is UNSET else user.presence.at
    times = (
        presence,
        user.created_at,
        user.updated_at,
        user.last_login_at,
        user.last_logout_at,
        user.deleted_at,
    )
    stamps = [micros_of(time) for time in times if time is not UNSET]
    as_of = 0 if user.as_of is UNSET else user.as_of
    return max([as_of, *stamps, *user.stamps.values()])


def _loyalty_stamp(loyalty: LoyaltyRow | None) -> int:
    if loyalty is None:
        return 0
    balances = [each.as_of for each in (loyalty.reputation, loyalty.points) if each is not UNSET]
    return max([0, *balances, *(micros_of(entry.at) for entry in loyalty.entries)])


def event_time(now: int, latest: int) -> int:
    """Returns the time of an operator's event, in microseconds since 1970: now, or just after `latest`, the
    greatest stamp of the rows.

    Raises CommandFailed if that is more than two days ahead: a worker would refuse the event.
    """
    at = max(now, latest + 1)
    if at > now + _MOST_AHEAD:
        raise CommandFailed(
            f"the row has the stamp {format_micros(latest)}, more than two days ahead: a worker refuses a"
            f" later event before {format_micros(at - _MOST_AHEAD)}"
        )
    return at


def deletion_of(user: UserKey, at: int, by: Signature) -> bytes:
    """Returns the JSON of the event that deletes a user for good. `at`: in microseconds since 1970."""
    data = NewData("partial", "deleted", {"sub": user.sub}, deletion=Deletion("hard"))
    return _event_of(user, "user.deleted", at, data, by)


def update_of(user: UserKey, at: int, data: NewData, by: Signature) -> bytes:
    """Returns the JSON of an event that sets and clears values of a user.

    Raises CommandFailed if a value is larger than an event may have it.
    """
    return _event_of(user, "user.updated", at, data, by)


def _event_of(user: UserKey, event_type: EventType, at: int, data: NewData, by: Signature) -> bytes:
    data.actor, data.note = Actor(by.who), by.why
    event = NewEvent(
        specversion=SPEC_VERSION,
        id=f"operator:{uuid.uuid4()}",
        source=SOURCE,
        type=event_type,
        subject=subject_of(user),
        time=format_micros(at),
        datacontenttype=DATA_CONTENT_TYPE,
        dataschema=DATA_SCHEMA,
        partitionkey=str(user),
        vendor=user.vendor,
        tenant=user.tenant,
        timesource="event",
        data=data,
    )
    encoded = encode_event(event)
    try:
        decode_event(encoded)
    except InvalidEvent as error:
        raise CommandFailed(f"a worker would refuse the event: {error}") from None
    return encoded


def subject_of(user: UserKey) -> str:
    """Returns the member `subject` of the user's events."""
    return str(user).rpartition("/")[2]
