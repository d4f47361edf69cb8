"""SelfCommunity: `{event_id, type, created, data}` (vendors.md, section 1).

Created, updated, deleted and settings events carry the whole user; score and loyalty events a
reduced one, which must not be taken for a profile. No tenant in the body.
"""

import re
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from app.canonical import Data, DeletionKind, EventType, Points, Score, Status
from app.times import MICROS_PER_SECOND
from app.vendors.model import Draft, Dropped, Mapped, Message, Vendor, deletion, needed, refuse
from app.vendors.reading import NotJson, Reader, read_value
from app.vendors.values import (
    birthdate,
    carried_time,
    event_name,
    gender,
    identity,
    integer,
    needed_id,
    number_clock,
    optional_integer,
    other_family,
    text_of,
    unknown_event,
)

EVENTS: dict[str, EventType] = {
    "user.created": "user.created",
    "user.updated": "user.updated",
    "user.deleted": "user.deleted",
    "user.settings_updated": "user.settings_updated",
    "user.score_updated": "user.score_updated",
    "user.loyalty_points_updated": "user.loyalty_points_updated",
}
_STATUS: dict[str | None, Status] = {"a": "active", "b": "blocked"}
_DELETIONS: dict[str | None, DeletionKind] = {"d": "soft", "u": "hard"}


class User(Struct, gc=False):
    id: Any = UNSET
    username: str | None = None
    real_name: str | None = None
    email: str | None = None
    email_isvalid: bool | None = None
    date_joined: str | None = None
    bio: str | None = None
    location: str | None = None
    date_of_birth: str | None = None
    description: str | None = None
    gender: str | None = None
    status: str | None = None
    website: str | None = None
    avatar: str | None = None
    cover: str | None = None
    # An integer until 2026-02-09, text since.
    ext_id: str | int | None = None
    tags: Any = None
    # An integer, but as the balance of a score in any spelling that the score itself may have.
    reputation: Any = None
    language: str | None = None
    community_badge: bool | None = None
    # A list in older releases.
    role: str | list[str] | None = None
    deleted: bool | None = None
    followings_counter: int | None = None
    followers_counter: int | None = None
    posts_counter: int | None = None
    discussions_counter: int | None = None
    statuses_counter: int | None = None
    polls_counter: int | None = None
    connections_counter: int | None = None
    connection_requests_sent_counter: int | None = None
    connection_requests_received_counter: int | None = None
    categories_counter: int | None = None


class Settings(Struct, gc=False):
    """Of `user.settings_updated`; the last two are in the documentation of 2021 only."""

    qa_frequency: int | None = None
    email_notification_not_qa: int | None = None
    mobile_notifications_scmty: int | None = None
    show_toast_notifications: int | None = None
    toast_notifications_emit_sound: int | None = None
    interests_frequency: int | None = None
    engagement_frequency: int | None = None


class SettingsUpdated(Settings, gc=False):
    user: User | None = None


class ScoreUpdated(Struct, gc=False):
    id: str | int | None = None
    user: User | None = None
    score: Any = UNSET
    reputation_type: int | None = None
    reputation_type_description: str | None = None
    comment: str | None = None


class PointsUpdated(Struct, gc=False):
    user: User | None = None
    action: str | None = None
    points: Any = UNSET
    added_at: str | None = None
    total_points: Any = None


class Head(Struct, gc=False):
    type: Any = UNSET


class Body(Head, gc=False):
    # Absent in bodies of 2021, and 0 in the documentation's samples.
    event_id: str | int | None = None
    created: Raw | UnsetType = UNSET


class UserBody(Body, gc=False):
    data: User | None = None


class SettingsBody(Body, gc=False):
    data: SettingsUpdated | None = None


class ScoreBody(Body, gc=False):
    data: ScoreUpdated | None = None


class PointsBody(Body, gc=False):
    data: PointsUpdated | None = None


_HEAD = Reader(Head)
_USER_BODY = Reader(UserBody)
_SETTINGS_BODY = Reader(SettingsBody)
_SCORE_BODY = Reader(ScoreBody)
_POINTS_BODY = Reader(PointsBody)
_read_members = msgspec.json.Decoder(dict[str, Raw]).decode
_SETTING_NAMES = tuple(field.name for field in msgspec.structs.fields(Settings))
_COUNTER_NAMES = tuple(name for name in User.__struct_fields__ if name.endswith("_counter"))
_COUNTER_END = b'_counter"'
_counter_values = attrgetter(*_COUNTER_NAMES)
# Letters of `_counter` can be written as escapes, too.
_ESCAPE = b"\\u00"
_ESCAPED_LETTER = re.compile(rb"\\u00(?:5[fF]|6[3fFeE5]|7[542])")


def convert(message: Message) -> Mapped:
    name, kind = _judge(_HEAD.need(message.body, "$", message.odd))
    match kind:
        case "user.settings_updated":
            body, user, data = _settings_updated(message)
        case "user.score_updated":
            body, user, data = _score_updated(message)
        case "user.loyalty_points_updated":
            body, user, data = _points_updated(message)
        case _:
            body, user, data = _whole_user(message)
    sub: str = data.user["sub"]
    time = number_clock(body.created, MICROS_PER_SECOND, "$.created")
    if time is None:
        refuse("$.created", "a number")
    gone = _DELETIONS.get(user.status) or ("soft" if user.deleted else None)
    if gone or kind == "user.deleted":
        kind, data = "user.deleted", deletion(sub, gone or "unknown")
    event_id = None if body.event_id in (0, "0") else identity(body.event_id)
    return Mapped(name, event_id, [Draft(kind, sub, time, "event", data)])


def _judge(head: Head) -> tuple[str, EventType]:
    name = event_name(head.type, "$.type")
    if kind := EVENTS.get(name):
        return name, kind
    if other_family(name):
        raise Dropped("other_family")
    raise unknown_event("$.type")


def _whole_user(message: Message) -> tuple[Body, User, Data]:
    body = _USER_BODY.need(message.body, "$", message.odd)
    user = needed(body.data, "$.data")
    return body, user, _profile(user, "$.data", message)


def _settings_updated(message: Message) -> tuple[Body, User, Data]:
    body = _SETTINGS_BODY.need(message.body, "$", message.odd)
    settings = needed(body.data, "$.data")
    user = needed(settings.user, "$.data.user")
    data = _profile(user, "$.data.user", message)
    values = ((name, getattr(settings, name)) for name in _SETTING_NAMES)
    data.settings = {name: value for name, value in values if value is not None}
    return body, user, data


def _score_updated(message: Message) -> tuple[Body, User, Data]:
    body = _SCORE_BODY.need(message.body, "$", message.odd)
    event = needed(body.data, "$.data")
    user = needed(event.user, "$.data.user")
    data = _reduced(user, message, scored=True)
    data.score = Score(
        entry_id=identity(event.id) or UNSET,
        delta=integer(event.score, "$.data.score"),
        balance=_or_unset(optional_integer(user.reputation, "reputation", message.odd)),
        reason=event.reputation_type_description or UNSET,
        reason_code=_or_unset(event.reputation_type),
        comment=event.comment or UNSET,
    )
    return body, user, data


def _points_updated(message: Message) -> tuple[Body, User, Data]:
    body = _POINTS_BODY.need(message.body, "$", message.odd)
    event = needed(body.data, "$.data")
    user = needed(event.user, "$.data.user")
    data = _reduced(user, message)
    data.points = Points(
        delta=integer(event.points, "$.data.points"),
        balance=_or_unset(optional_integer(event.total_points, "total_points", message.odd)),
        reason=event.action or UNSET,
        added_at=carried_time(event.added_at, "added_at", message.odd) or UNSET,
    )
    return body, user, data


def _profile(user: User, place: str, message: Message) -> Data:
    data = _reduced(user, message, place)
    data.snapshot = "full"
    data.status = _STATUS.get(user.status, UNSET)
    return data


def _reduced(user: User, message: Message, place: str = "$.data.user", *, scored: bool = False) -> Data:
    """The user beside a score or points: partial, and empty text says nothing.

    Beside a score the reputation is its balance, elsewhere an attribute.
    """
    sub = needed_id(user.id, f"{place}.id")
    attributes = _attributes(user, message.odd)
    if counters := _counters(user, place, message):
        attributes["counters"] = counters
    if not scored and user.reputation is not None:
        if type(user.reputation) is int:
            attributes["reputation"] = user.reputation
        else:
            message.odd.append("reputation")
    return Data(snapshot="partial", user=_claims(user, sub, message.odd), attributes=attributes or UNSET)


def _or_unset(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


def _claims(user: User, sub: str, odd: list[str]) -> dict[str, Any]:
    claims: dict[str, Any] = {"sub": sub}
    if user.real_name:
        claims["name"] = user.real_name
    if user.username:
        claims["preferred_username"] = user.username
    if user.email:
        claims["email"] = user.email
    if user.email_isvalid is not None:
        claims["email_verified"] = user.email_isvalid
    if user.gender and user.gender != "Unspecified":
        claims["gender"] = gender(user.gender)
    if user.date_of_birth and (born := birthdate(user.date_of_birth, "date_of_birth", odd)):
        claims["birthdate"] = born
    if user.language:
        claims["locale"] = user.language
    if user.location:
        claims["address"] = {"formatted": user.location}
    if user.avatar:
        claims["picture"] = user.avatar
    if user.website:
        claims["website"] = user.website
    return claims


def _attributes(user: User, odd: list[str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if ext_id := text_of(user.ext_id):
        attributes["ext_id"] = ext_id
    if user.bio:
        attributes["bio"] = user.bio
    if user.description:
        attributes["description"] = user.description
    if user.cover:
        attributes["cover"] = user.cover
    if user.role is not None and user.role != "":
        attributes["role"] = user.role
    if user.community_badge is not None:
        attributes["community_badge"] = user.community_badge
    if joined := carried_time(user.date_joined, "date_joined", odd):
        attributes["date_joined"] = joined
    if user.tags is not None:
        attributes["tags"] = user.tags
    return attributes


def _counters(user: User, place: str, message: Message) -> dict[str, int]:
    """Every `*_counter` of the user: which there are depends on the community's options."""
    values = zip(_COUNTER_NAMES, _counter_values(user), strict=True)
    counters = {name: value for name, value in values if value is not None}
    body = message.body
    if body.count(_COUNTER_END) > len(counters) or (_ESCAPE in body and _ESCAPED_LETTER.search(body)):
        counters.update(_undocumented_counters(place, message))
    return counters


def _undocumented_counters(place: str, message: Message) -> dict[str, int]:
    counters = {}
    for name, raw in _members_at(place, message.body).items():
        if name.endswith("_counter") and name not in _COUNTER_NAMES:
            value = read_value(int | None, raw, name, message.odd)
            if type(value) is int:
                counters[name] = value
    return counters


def _members_at(place: str, body: bytes) -> dict[str, Raw]:
    raw: Any = body
    try:
        for name in place.split(".")[1:]:
            raw = _read_members(raw)[name]
        return _read_members(raw)
    except UnicodeDecodeError:  # in a name, which nothing has read until now
        raise NotJson from None


SELFCOMMUNITY = Vendor(
    "selfcommunity",
    "SelfCommunity",
    convert,
    (UserBody, SettingsBody, ScoreBody, PointsBody),
    {"event": "$.created"},
    open_names="_counter",
)
