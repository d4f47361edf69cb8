"""SelfCommunity: `{event_id, type, created, data}` (docs/vendors/selfcommunity.md#what-the-vendor-sends).

Events of created, updated and deleted users and of settings carry the whole user. Events of scores and
loyalty points carry a reduced user, which is no profile. A body has no tenant.
Half of this file is the shapes of the four kinds of bodies, and what an event carries of them.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import DeletionKind, Points, Score, Snapshot, Status
from app.new_event import NewData
from app.vendors.claims import birthdate, gender
from app.vendors.event_bodies import EventBodies
from app.vendors.event_names import EventNames
from app.vendors.model import Draft, Mapped, Message, Vendor, deletion, invalid
from app.vendors.needed import Needed, NeededId, NeededInteger, NeededSeconds, OptionalInteger
from app.vendors.open_members import OpenMembers
from app.vendors.values import (
    SECOND,
    carried_time,
    id_text,
    optional_integer,
    require_epoch_time,
    require_id,
    require_integer,
    text_of,
)

EVENTS = EventNames(
    "$.type",
    {
        "user.created": "user.created",
        "user.updated": "user.updated",
        "user.deleted": "user.deleted",
        "user.settings_updated": "user.settings_updated",
        "user.score_updated": "user.score_updated",
        "user.loyalty_points_updated": "user.loyalty_points_updated",
    },
)
_STATUS: dict[str | None, Status] = {"a": "active", "b": "blocked"}
_DELETIONS: dict[str | None, DeletionKind] = {"d": "soft", "u": "hard"}


class _User(Struct, gc=False):
    id: NeededId = UNSET
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
    reputation: OptionalInteger = None
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


class _Settings(Struct, omit_defaults=True, gc=False):
    """The settings of `user.settings_updated`; only the documentation of 2021 has the last two."""

    qa_frequency: int | None = None
    email_notification_not_qa: int | None = None
    mobile_notifications_scmty: int | None = None
    show_toast_notifications: int | None = None
    toast_notifications_emit_sound: int | None = None
    interests_frequency: int | None = None
    engagement_frequency: int | None = None


class SettingsUpdated(_Settings, gc=False):
    user: Needed[_User] = None


class ScoreUpdated(Struct, gc=False):
    id: str | int | None = None
    user: Needed[_User] = None
    score: NeededInteger = UNSET
    reputation_type: int | None = None
    reputation_type_description: str | None = None
    comment: str | None = None


class PointsUpdated(Struct, gc=False):
    user: Needed[_User] = None
    action: str | None = None
    points: NeededInteger = UNSET
    added_at: str | None = None
    total_points: OptionalInteger = None


class _Body(Struct, gc=False):
    # Absent in bodies of 2021, and 0 in the documentation's samples.
    event_id: str | int | None = None
    created: NeededSeconds = UNSET


class UserBody(_Body, gc=False):
    data: Needed[_User] = None


class SettingsBody(_Body, gc=False):
    data: Needed[SettingsUpdated] = None


class ScoreBody(_Body, gc=False):
    data: Needed[ScoreUpdated] = None


class PointsBody(_Body, gc=False):
    data: Needed[PointsUpdated] = None


class _Address(Struct, gc=False):
    formatted: str


class _Claims(Struct, omit_defaults=True, gc=False):
    sub: str
    name: str | None = None
    preferred_username: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    gender: str | None = None
    birthdate: str | None = None
    locale: str | None = None
    address: _Address | None = None
    picture: str | None = None
    website: str | None = None


class _Attributes(Struct, omit_defaults=True, gc=False):
    ext_id: str | None = None
    bio: str | None = None
    description: str | None = None
    cover: str | None = None
    role: str | list[str] | None = None
    community_badge: bool | None = None
    date_joined: str | None = None
    tags: Any = None
    counters: Struct | dict[str, int] | None = None
    reputation: int | None = None


_NO_ATTRIBUTES = _Attributes()
_BODIES = EventBodies[UserBody | SettingsBody | ScoreBody | PointsBody](
    EVENTS,
    {
        "user.created": UserBody,
        "user.updated": UserBody,
        "user.deleted": UserBody,
        "user.settings_updated": SettingsBody,
        "user.score_updated": ScoreBody,
        "user.loyalty_points_updated": PointsBody,
    },
)
_settings_of = attrgetter(*_Settings.__struct_fields__)
_COUNTERS = OpenMembers(_User, "_counter")


def map_message(message: Message) -> Mapped:
    name, event_type, body = _BODIES.read(message)
    user, sub, data = _PARTS[name](body, message)
    time = require_epoch_time(body.created, SECOND, "$.created")
    gone = _DELETIONS.get(user.status) or ("soft" if user.deleted else None)
    if gone or event_type == "user.deleted":
        event_type, data = "user.deleted", deletion(sub, gone or "unknown")
    event_id = id_text(body.event_id)
    return Mapped(name, None if event_id == "0" else event_id, [Draft(event_type, sub, time, "event", data)])


_Parts = tuple[_User, str, NewData]


def _whole_user(body: UserBody, message: Message) -> _Parts:
    return _parts(body.data or invalid("$.data", "object"), "$.data", message, "full")


def _settings_updated(body: SettingsBody, message: Message) -> _Parts:
    settings = body.data or invalid("$.data", "object")
    parts = _parts(settings.user or invalid("$.data.user", "object"), "$.data.user", message, "full")
    parts[2].settings = _Settings(*_settings_of(settings))
    return parts


def _score_updated(body: ScoreBody, message: Message) -> _Parts:
    event = body.data or invalid("$.data", "object")
    user = event.user or invalid("$.data.user", "object")
    parts = _parts(user, "$.data.user", message, "partial", scored=True)
    parts[2].score = Score(
        entry_id=id_text(event.id) or UNSET,
        delta=require_integer(event.score, "$.data.score"),
        balance=_or_unset(optional_integer(user.reputation, "reputation", message.left_out)),
        reason=event.reputation_type_description or UNSET,
        reason_code=_or_unset(event.reputation_type),
        comment=event.comment or UNSET,
    )
    return parts


def _points_updated(body: PointsBody, message: Message) -> _Parts:
    event = body.data or invalid("$.data", "object")
    parts = _parts(event.user or invalid("$.data.user", "object"), "$.data.user", message, "partial")
    parts[2].points = Points(
        require_integer(event.points, "$.data.points"),
        _or_unset(optional_integer(event.total_points, "total_points", message.left_out)),
        event.action or UNSET,
        carried_time(event.added_at, "added_at", message.left_out) or UNSET,
    )
    return parts


# What the body of an event says: the user, its id, and the event's data.
_PARTS: dict[str, Callable[[Any, Message], _Parts]] = {
    "user.created": _whole_user,
    "user.updated": _whole_user,
    "user.deleted": _whole_user,
    "user.settings_updated": _settings_updated,
    "user.score_updated": _score_updated,
    "user.loyalty_points_updated": _points_updated,
}


def _parts(user: _User, path: str, message: Message, snapshot: Snapshot, *, scored: bool = False) -> _Parts:
    """What an event says of the user. Scores and points carry a reduced one: partial, and without a status.

    Beside a score, the reputation is the score's balance; elsewhere it is an attribute.
    """
    left_out = message.left_out
    sub = require_id(user.id, f"{path}.id")
    # perf: saves 5 % of convert (make bench ARGS=convert) not to name the fields of the two structs; plain
    # form: `bio=user.bio or None` and so on.
    attributes = _Attributes(
        None if user.ext_id is None else text_of(user.ext_id),
        user.bio or None,
        user.description or None,
        user.cover or None,
        None if user.role == "" else user.role,
        user.community_badge,
        carried_time(user.date_joined, "date_joined", left_out) if user.date_joined else None,
        user.tags,
        _COUNTERS.of(user, path, message),
    )
    if not scored and user.reputation is not None:
        if type(user.reputation) is int:
            attributes.reputation = user.reputation
        else:
            left_out.append("reputation")
    claims = _Claims(
        sub,
        user.real_name or None,
        user.username or None,
        user.email or None,
        user.email_isvalid,
        gender(user.gender) if user.gender and user.gender != "Unspecified" else None,
        birthdate(user.date_of_birth, "date_of_birth", left_out) if user.date_of_birth else None,
        user.language or None,
        _Address(user.location) if user.location else None,
        user.avatar or None,
        user.website or None,
    )
    data = NewData(
        snapshot,
        _STATUS.get(user.status, UNSET) if snapshot == "full" else UNSET,
        claims,
        UNSET if attributes == _NO_ATTRIBUTES else attributes,
    )
    return user, sub, data


def _or_unset(value: int | None) -> int | UnsetType:
    return UNSET if value is None else value


SELFCOMMUNITY = Vendor(
    name="selfcommunity",
    title="SelfCommunity",
    map=map_message,
    shapes=_BODIES.shapes,
    times={"event": "$.created"},
    open_names="_counter",
    event_name=EVENTS.name_in,
)
