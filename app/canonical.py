"""The canonical event: CloudEvents 1.0, structured mode, JSON (contract, section 3).

The struct below is both what the vendors' mappers build and what the state agent, `rollcall fold`
and any other reader decode; its field order is the order of the members on the wire.
"""

import re
from typing import Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.nesting import MAX_NESTING, too_deep
from app.times import YEAR_2000, parse_rfc3339

SPEC_VERSION: Final = "1.0"
DATA_SCHEMA: Final = "urn:rollcall:user-event:1"
DATA_CONTENT_TYPE: Final = "application/json"
# The header of every record on the canonical topic (CloudEvents Kafka binding, structured mode).
CONTENT_TYPE_HEADER: Final = ("content-type", b"application/cloudevents+json; charset=UTF-8")

EventType = Literal[
    "user.created",
    "user.updated",
    "user.deleted",
    "user.settings_updated",
    "user.score_updated",
    "user.loyalty_points_updated",
    "user.logged_in",
    "user.logged_out",
    "user.status_changed",
    "user.flagged",
    "user.unflagged",
    "user.flags_cleared",
    "user.banned",
    "user.unbanned",
]
EVENT_TYPES: tuple[EventType, ...] = get_args(EventType)

Snapshot = Literal["full", "partial"]
Status = Literal["active", "blocked", "deleted"]
TimeSource = Literal["event", "row", "record"]
DeletionKind = Literal["soft", "hard", "unknown"]


class Score(Struct, gc=False, kw_only=True):
    """A change of SelfCommunity's reputation. `balance` is the total after it, where it was sent."""

    entry_id: str | UnsetType = UNSET
    delta: int
    balance: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    reason_code: int | UnsetType = UNSET
    comment: str | UnsetType = UNSET


class Points(Struct, gc=False):
    """A change of SelfCommunity's loyalty points: another currency than the reputation."""

    delta: int
    balance: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    added_at: str | UnsetType = UNSET


class Presence(Struct, gc=False):
    status: str
    previous: str | UnsetType = UNSET


class Login(Struct, gc=False):
    previous_at: str


class Deletion(Struct, gc=False):
    kind: DeletionKind


class Actor(Struct, gc=False):
    sub: str


class Data(Struct, gc=False, kw_only=True):
    """What the event says of the user. In a `full` snapshot an absent claim or attribute is not
    set; in a `partial` one it is unchanged, and null means cleared."""

    snapshot: Snapshot
    status: Status | UnsetType = UNSET
    user: dict[str, Any]
    attributes: dict[str, Any] | UnsetType = UNSET
    settings: dict[str, Any] | UnsetType = UNSET
    score: Score | UnsetType = UNSET
    points: Points | UnsetType = UNSET
    presence: Presence | UnsetType = UNSET
    login: Login | UnsetType = UNSET
    deletion: Deletion | UnsetType = UNSET
    previous: dict[str, Any] | UnsetType = UNSET
    actor: Actor | UnsetType = UNSET


class Event(Struct, gc=False, kw_only=True):
    """One canonical event. The members without a default are those that every reader needs."""

    specversion: Literal["1.0"]
    id: str
    source: str | UnsetType = UNSET
    type: EventType
    subject: str | UnsetType = UNSET
    time: str
    datacontenttype: str | UnsetType = UNSET
    dataschema: str | UnsetType = UNSET
    partitionkey: str
    vendor: str
    tenant: str
    vendortype: str | UnsetType = UNSET
    timesource: TimeSource | UnsetType = UNSET
    recordedtime: str | UnsetType = UNSET
    origin: str | UnsetType = UNSET
    data: Data


class InvalidEvent(ValueError):
    """These bytes are no canonical event; the text names the place and the expectation only."""


class BadEventTime(InvalidEvent):
    """The event happened before 2000, which no vendor means."""


# A value stands at most this much deeper in an event than in the body that it came with.
_MAX_NESTING: Final = MAX_NESTING + 10

_decoder = msgspec.json.Decoder(Event)
_encoder = msgspec.json.Encoder()


def encode_event(event: Event) -> bytes:
    """The JSON text of the event, one line, as it stands on the canonical topic."""
    return _encoder.encode(event)


def decode_event(value: bytes) -> Event:
    """Reads a record of the canonical topic. Members that the struct does not know are ignored.

    Raises InvalidEvent where a needed member is missing or unusable (contract, section 7, `fold`).
    """
    if too_deep(value, _MAX_NESTING):
        raise InvalidEvent("expected JSON")
    try:
        event = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidEvent(_without_values(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise InvalidEvent("expected JSON") from None
    sub = event.data.user.get("sub")
    if not isinstance(sub, str) or not sub:
        raise InvalidEvent("$.data.user.sub: expected non-empty str")
    micros = parse_rfc3339(event.time)
    if micros is None:
        raise InvalidEvent("$.time: expected an RFC 3339 time with an offset")
    if micros < YEAR_2000:
        raise BadEventTime("$.time: expected 2000 or later")
    return event


def _without_values(message: str) -> str:
    """Msgspec's message with what it may quote from the payload cut out (`Invalid enum value 'x'`)."""
    # The decoder's own place comes last; what it quotes before may look like one.
    text, separator, place = message.rpartition(" - at `")
    if not separator:
        text, place = message, "$"
    if "enum value" in text:
        text = "Expected a value of the closed set"
    return f"{place.rstrip('`')}: {text[:1].lower()}{text[1:]}"


_ESCAPED = re.compile("[/%\x00-\x1f\x7f-\x9f]")


def _percent(match: re.Match[str]) -> str:
    return "".join(f"%{byte:02X}" for byte in match[0].encode())


def escape(part: str) -> str:
    """A tenant or user id as a part of a key: exactly `/`, `%` and control characters are
    percent-encoded, so that a key splits at its slashes without doubt."""
    if part.isalnum() and part.isascii():
        return part
    return _ESCAPED.sub(_percent, part)
