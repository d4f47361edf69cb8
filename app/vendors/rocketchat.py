"""Rocket.Chat: Apps-Engine events in our own envelope (docs/vendors/rocketchat.md#what-the-vendor-sends).

The vendor calls hooks inside its server and has no wire format. A forwarder wraps what a hook was given:
`{event, eventId?, occurredAt?, workspaceId?, context}`. What a hook is given differs by event: a stub without
a profile for a created user, a bare user for a log-in, a presence record that is no profile. So half of this
file is shapes: of the four kinds of bodies, and of what an event carries of them.
"""

import re
from collections.abc import Callable
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import Actor, Login, Presence, Status
from app.new_event import NewData
from app.vendors.ejson import ejson_carried_time, ejson_date, ejson_event_time
from app.vendors.event_bodies import EventBodies
from app.vendors.event_names import EventNames
from app.vendors.model import Draft, Mapped, Message, OnlySub, Vendor, deletion, invalid
from app.vendors.needed import CarriedEjsonTime, EjsonTime, Needed, NeededStatus, Subject
from app.vendors.values import id_text, require_id

_HOOK = re.compile(r"I(Pre|Post)[A-Z]")
EVENTS = EventNames(
    "$.event",
    {
        "IPostUserCreated": "user.created",
        "IPostUserUpdated": "user.updated",
        "IPostUserDeleted": "user.deleted",
        "IPostUserLoggedIn": "user.logged_in",
        "IPostUserLoggedOut": "user.logged_out",
        "IPostUserStatusChanged": "user.status_changed",
    },
    other_families=lambda name: _HOOK.match(name) is not None,
)


class _Email(Struct, gc=False):
    address: str | None = None
    verified: bool | None = None


class Preferences(Struct, gc=False):
    language: str | None = None


class _Settings(Struct, gc=False):
    preferences: Preferences | None = None


class OnlyId(Struct, gc=False):
    id: Any = UNSET


class _User(Struct, rename="camel", gc=False):
    id: Any = UNSET
    username: str | None = None
    emails: list[_Email] | None = None
    type: str | None = None
    is_enabled: bool | None = None
    name: str | None = None
    roles: list[str] | None = None
    bio: str | None = None
    status_text: str | None = None
    utc_offset: int | float | None = None
    # A typo of older servers.
    utf_offset: int | float | None = None
    created_at: CarriedEjsonTime = UNSET
    updated_at: EjsonTime = UNSET
    last_login_at: CarriedEjsonTime = UNSET
    settings: _Settings | None = None
    app_id: str | None = None
    is_federated: bool | None = None


class UserContext(Struct, rename="camel", gc=False):
    user: Subject[_User] = None
    performed_by: OnlyId | None = None
    previous_data: _User | None = None


class StatusContext(Struct, rename="camel", gc=False):
    user: Subject[OnlyId] = None
    current_status: NeededStatus = UNSET
    previous_status: str | None = None


class _Body(Struct, rename="camel", gc=False):
    event_id: str | int | None = None
    occurred_at: EjsonTime = UNSET
    workspace_id: str | int | None = None


class ChangeBody(_Body, gc=False):
    context: Needed[UserContext] = None


class StatusBody(_Body, gc=False):
    context: Needed[StatusContext] = None


class LoginBody(_Body, gc=False):
    context: Subject[_User] = None


class LogoutBody(_Body, gc=False):
    # The object may come from a client (docs/vendors/rocketchat.md#traps): only the id is believed.
    context: Subject[OnlyId] = None


class _Claims(Struct, omit_defaults=True, gc=False):
    sub: str | None = None
    name: str | None = None
    preferred_username: str | None = None
    email: str | None = None
    email_verified: bool | None = None
    locale: str | None = None


class _Attributes(Struct, omit_defaults=True, gc=False):
    type: str | None = None
    roles: list[str] | None = None
    bio: str | None = None
    status_text: str | None = None
    utc_offset: int | float | None = None
    created_at: str | None = None
    last_login_at: str | None = None
    app_id: str | None = None
    federated: bool | None = None


_NO_EMAIL, _NO_CLAIMS, _NO_ATTRIBUTES = _Email(), _Claims(), _Attributes()
_BODIES = EventBodies[ChangeBody | LoginBody | LogoutBody | StatusBody](
    EVENTS,
    {
        "IPostUserCreated": ChangeBody,
        "IPostUserUpdated": ChangeBody,
        "IPostUserDeleted": ChangeBody,
        "IPostUserLoggedIn": LoginBody,
        "IPostUserLoggedOut": LogoutBody,
        "IPostUserStatusChanged": StatusBody,
    },
)


def map_message(message: Message) -> Mapped:
    name, event_type, body = _BODIES.read(message)
    sub, data, row_time = _PARTS[name](body, message)
    draft = Draft(event_type, sub, message.recorded, "record", data, id_text(body.workspace_id))
    occurred = ejson_event_time(body.occurred_at, "$.occurredAt")
    if occurred is not None:
        draft.time, draft.timesource = occurred, "event"
    elif (updated := ejson_event_time(row_time, "$.context.user.updatedAt")) is not None:
        draft.time, draft.timesource = updated, "row"
    return Mapped(name, id_text(body.event_id), [draft])


_Parts = tuple[str, NewData, object]


def _created(body: ChangeBody, message: Message) -> _Parts:
    user = (body.context or invalid("$.context", "object")).user or invalid("$.context.user", "object")
    return _changed(body, message, known=_has_row(user))


def _updated(body: ChangeBody, message: Message) -> _Parts:
    return _changed(body, message, known=True)


def _changed(body: ChangeBody, message: Message, *, known: bool) -> _Parts:
    context = body.context or invalid("$.context", "object")
    user = context.user or invalid("$.context.user", "object")
    sub = require_id(user.id, "$.context.user.id")
    claims, attributes = _claims(user, sub), _attributes(user, message.left_out)
    previous = _differing(context.previous_data, claims) if context.previous_data else UNSET
    actor = _actor(context, message.left_out)
    return sub, _profile(user, claims, attributes, known, previous=previous, actor=actor), user.updated_at


def _deleted(body: ChangeBody, message: Message) -> _Parts:
    context = body.context or invalid("$.context", "object")
    sub = require_id((context.user or invalid("$.context.user", "object")).id, "$.context.user.id")
    return sub, deletion(sub, "hard", actor=_actor(context, message.left_out)), None


def _logged_in(body: LoginBody, message: Message) -> _Parts:
    user = body.context or invalid("$.context", "object")
    sub = require_id(user.id, "$.context.id")
    attributes = _attributes(user, message.left_out)
    data = _profile(user, _claims(user, sub), attributes, known=_has_row(user))
    # The hook runs before the server stores this log-in, so it is the time of the one before.
    if attributes.last_login_at:
        data.login = Login(attributes.last_login_at)
    return sub, data, None


def _logged_out(body: LogoutBody, _message: Message) -> _Parts:
    sub = require_id((body.context or invalid("$.context", "object")).id, "$.context.id")
    return sub, NewData("partial", UNSET, OnlySub(sub)), None


def _status_changed(body: StatusBody, _message: Message) -> _Parts:
    """The presence only: the user beside it is made of defaults (docs/vendors/rocketchat.md#traps)."""
    context = body.context or invalid("$.context", "object")
    sub = require_id((context.user or invalid("$.context.user", "object")).id, "$.context.user.id")
    status = context.current_status
    if type(status) is not str or not status:
        invalid("$.context.currentStatus", "non-empty str")
    presence = Presence(status, context.previous_status or UNSET)
    return sub, NewData("partial", UNSET, OnlySub(sub), presence=presence), None


# What the body of an event says: the subject, the data, and the row's own time of a user that was created or
# updated.
_PARTS: dict[str, Callable[[Any, Message], _Parts]] = {
    "IPostUserCreated": _created,
    "IPostUserUpdated": _updated,
    "IPostUserDeleted": _deleted,
    "IPostUserLoggedIn": _logged_in,
    "IPostUserLoggedOut": _logged_out,
    "IPostUserStatusChanged": _status_changed,
}


def _has_row(user: _User) -> bool:
    """Whether the object is a stored user, and not the stub that newer servers hand over."""
    return ejson_date(user.created_at) is not None


def _profile(
    user: _User,
    claims: _Claims,
    attributes: _Attributes,
    known: bool,
    *,
    previous: _Claims | UnsetType = UNSET,
    actor: Actor | UnsetType = UNSET,
) -> NewData:
    status: Status | UnsetType = UNSET
    if known and user.is_enabled is not None:
        status = "active" if user.is_enabled else "blocked"
    return NewData(
        "full" if known else "partial",
        status,
        claims,
        UNSET if attributes == _NO_ATTRIBUTES else attributes,
        previous=previous,
        actor=actor,
    )


def _claims(user: _User, sub: str | None) -> _Claims:
    email = user.emails[0] if user.emails and user.emails[0].address else _NO_EMAIL
    preferences = user.settings.preferences if user.settings else None
    return _Claims(
        sub,
        name=user.name or None,
        preferred_username=user.username or None,
        email=email.address,
        email_verified=email.verified,
        locale=(preferences.language or None) if preferences else None,
    )


def _differing(before: _User, now: _Claims) -> _Claims | UnsetType:
    """The claims of before that differ; UNSET if there are none."""
    previous = _claims(before, None)
    for name in _Claims.__struct_fields__:
        if getattr(previous, name) == getattr(now, name):
            setattr(previous, name, None)
    return UNSET if previous == _NO_CLAIMS else previous


def _attributes(user: _User, left_out: list[str]) -> _Attributes:
    return _Attributes(
        type=user.type or None,
        roles=user.roles,
        bio=user.bio or None,
        status_text=user.status_text or None,
        utc_offset=user.utf_offset if user.utc_offset is None else user.utc_offset,
        created_at=ejson_carried_time(user.created_at, "createdAt", left_out),
        last_login_at=ejson_carried_time(user.last_login_at, "lastLoginAt", left_out),
        app_id=user.app_id or None,
        federated=user.is_federated,
    )


def _actor(context: UserContext, left_out: list[str]) -> Actor | UnsetType:
    if context.performed_by is None:
        return UNSET
    sub = id_text(context.performed_by.id)
    if sub is None:
        left_out.append("performedBy")
        return UNSET
    return Actor(sub=sub)


ROCKETCHAT = Vendor(
    name="rocketchat",
    title="Rocket.Chat",
    map=map_message,
    shapes=_BODIES.shapes,
    times={"event": "$.occurredAt", "row": "$.context.user.updatedAt"},
    event_name=EVENTS.name_in,
)
