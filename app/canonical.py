"""The canonical event: CloudEvents 1.0, structured mode, JSON (docs/events.md#canonical-event).

The mappers build `NewEvent` (app/new_event.py); the state agent, `rollcall fold` and every other reader
decode `Event`. The order of the fields is the order of the members on the wire. The file is long because the
members of the event are half of it.
"""

from collections.abc import Callable
from typing import Annotated, Any, Final, Literal, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from app.bounds import (
    MAX_ID_BYTES,
    MAX_NAME_BYTES,
    MAX_NAMES,
    MAYBE_NOTHING,
    NO_LARGE_TEXT,
    NO_LARGE_VALUE,
    is_nothing,
    large_parts,
    large_texts,
    too_long,
    without_half_surrogates,
)
from app.nesting import MAX_NESTING, too_deep
from app.times import YEAR_2000, format_micros, is_canonical, parse_rfc3339

SPEC_VERSION: Final = "1.0"
DATA_SCHEMA: Final = "urn:rollcall:user-event:1"
DATA_CONTENT_TYPE: Final = "application/json"
# Every record on the canonical topic has this header (CloudEvents' Kafka protocol binding, structured mode).
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
    """A change of SelfCommunity's reputation. `balance` is the total after the change, if the vendor sent
    it."""

    entry_id: str | UnsetType = UNSET
    delta: int
    balance: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    reason_code: int | UnsetType = UNSET
    comment: str | UnsetType = UNSET


class Points(Struct, gc=False):
    """A change of SelfCommunity's loyalty points, which are another currency than the reputation."""

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


Named = Annotated[dict[str, Any], Meta(max_length=MAX_NAMES)]
"""Values by name. The bound is there for events that others write; those of Rollcall have far fewer names."""


class Data(Struct, gc=False, kw_only=True):
    """What the event says of the user. In a `full` snapshot an absent claim or attribute means "not set". In
    a `partial` one it means "unchanged", and null means "cleared"."""

    snapshot: Snapshot
    status: Status | UnsetType = UNSET
    user: Named
    attributes: Named | UnsetType = UNSET
    settings: Named | UnsetType = UNSET
    score: Score | UnsetType = UNSET
    points: Points | UnsetType = UNSET
    presence: Presence | UnsetType = UNSET
    login: Login | UnsetType = UNSET
    deletion: Deletion | UnsetType = UNSET
    previous: dict[str, Any] | UnsetType = UNSET
    actor: Actor | UnsetType = UNSET
    note: str | UnsetType = UNSET


class Envelope(Struct, gc=False, kw_only=True):
    """What a canonical event says besides its data. The members without a default are required; the others
    may be absent."""

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


class Event(Envelope, gc=False, kw_only=True):
    """One canonical event, as it is read."""

    data: Data


class InvalidEvent(ValueError):
    """The bytes are no canonical event. The text has the path and what was expected there, never a value."""


class BadEventTime(InvalidEvent):
    """The event is well formed, but its time is before the year 2000."""


# A mapper puts a value at most ten levels deeper into the event than it was in the body.
_MAX_NESTING: Final = MAX_NESTING + 10

_decoder = msgspec.json.Decoder(Event)

encode_event: Final[Callable[[Envelope], bytes]] = msgspec.json.Encoder().encode
"""Returns the JSON text of an event, in one line, as it is written to the canonical topic."""


def decode_event(value: bytes) -> Event:
    """Returns the event of a record on the canonical topic. Unknown members are ignored.

    Raises InvalidEvent if a required member is missing or malformed (docs/tables.md#fold), or if a part is
    larger than Rollcall writes it (docs/events.md#bounds); BadEventTime if the time is before 2000.
    """
    size = len(value)
    if size > _SHALLOW and too_deep(value, _MAX_NESTING):
        raise InvalidEvent("expected JSON")
    event: Event | None = None
    try:
        event = _decoder.decode(value)
    except msgspec.ValidationError as error:
        raise InvalidEvent(_without_values(str(error))) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    if event is None:
        return _decode_whole(value)
    data = event.data
    sub = data.user.get("sub")
    if not isinstance(sub, str) or (sub[:1] in MAYBE_NOTHING and is_nothing(sub)):
        raise InvalidEvent("$.data.user.sub: expected non-empty str")
    if size > _NOT_BOUNDED:
        # perf: saves 5 % of fold (make bench ARGS=fold); plain form: `_check_names` for every event.
        known = _short_names.issuperset
        if not (known(data.user) and known(data.attributes or ()) and known(data.settings or ())):
            _check_names(data)
        if size > NO_LARGE_TEXT:
            has_texts = data.score is not UNSET or data.points is not UNSET or data.presence is not UNSET
            if has_texts or size > NO_LARGE_VALUE or len(sub + event.tenant) > _SHORT:
                _check_values(event, sub, size)
    if not is_canonical(event.time) or event.time < _FIRST_TIME:
        _check_time(event.time)
    return event


# perf: an event of at most this many bytes cannot nest too deep, and nearly all are shorter, so this saves a
# call; plain form: call `too_deep` for each event.
_SHALLOW: Final = 2 * _MAX_NESTING
# A character has at most 4 bytes of UTF-8: in this many characters no id has more than MAX_ID_BYTES.
_SHORT: Final = MAX_ID_BYTES // 4
# The required members take more than 150 bytes, so a shorter event has no room for a name that is too long.
_NOT_BOUNDED: Final = MAX_NAME_BYTES + 150
_FIRST_TIME: Final = format_micros(YEAR_2000)


def _decode_whole(value: bytes) -> Event:
    """Returns the event of a text that the decoder refuses because it has halves of surrogate pairs.

    Raises InvalidEvent if it has none, or if the text without them is no event.
    """
    whole = without_half_surrogates(value)
    if whole == value:
        raise InvalidEvent("expected JSON")
    return decode_event(whole)


def _check_time(time: str) -> None:
    micros = parse_rfc3339(time)
    if micros is None:
        raise InvalidEvent("$.time: expected an RFC 3339 time with an offset")
    if micros < YEAR_2000:
        raise BadEventTime("$.time: expected a time after 1999")


# perf: names that are known to be short enough. Nearly all events repeat the same few names. No answer
# depends on this set; plain form: `_check_names` for every event.
_short_names: Final = {"sub"}
_NAMES_KEPT: Final = 4096


def _check_names(data: Data) -> None:
    for kind, part in (("user", data.user), ("attributes", data.attributes), ("settings", data.settings)):
        if part:
            if any(too_long(name, MAX_NAME_BYTES) for name in part):
                raise InvalidEvent(f"$.data.{kind}: expected names of at most {MAX_NAME_BYTES} bytes")
            if len(_short_names) < _NAMES_KEPT:
                _short_names.update(part)


def _check_values(event: Event, sub: str, size: int) -> None:
    data = event.data
    if too_long(sub, MAX_ID_BYTES):
        raise InvalidEvent(f"$.data.user.sub: expected at most {MAX_ID_BYTES} bytes")
    if too_long(event.tenant, MAX_ID_BYTES):
        raise InvalidEvent(f"$.tenant: expected at most {MAX_ID_BYTES} bytes")
    if large_parts(data) if size > NO_LARGE_VALUE else large_texts(data):
        raise InvalidEvent("$.data: expected values of at most 16384 bytes, texts of at most 1024")


def _without_values(message: str) -> str:
    """Returns msgspec's message without what it may quote from the payload (`Invalid enum value 'x'`)."""
    # The decoder's own path is the last one; a quoted value may look like a path, but comes before it.
    text, separator, path = message.rpartition(" - at `")
    if not separator:
        text, path = message, "$"
    if "enum value" in text:
        text = "Expected a value of the closed set"
    return f"{path.rstrip('`')}: {text[:1].lower()}{text[1:]}"
