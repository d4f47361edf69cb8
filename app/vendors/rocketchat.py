"""Rocket.Chat Apps-Engine events in Rollcall's own envelope (vendors.md, section 4).

The vendor calls hooks inside its server and has no wire format; a forwarder wraps what a hook was
given: `{event, eventId?, occurredAt?, workspaceId?, context}`. What a hook is given differs by
event: stubs without a profile for created users, a bare user for log-ins, a presence record that
must never be taken for a profile.
"""

import re
from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import Actor, Data, EventType, Login, Presence, TimeSource
from app.times import AFTER_ALL, BEFORE_ALL, normal_rfc3339, sortable
from app.vendors.model import Draft, Dropped, Mapped, Message, Vendor, deletion, needed, refuse
from app.vendors.reading import Reader
from app.vendors.values import event_name, identity, needed_id, unknown_event

EVENTS: dict[str, EventType] = {
    "IPostUserCreated": "user.created",
    "IPostUserUpdated": "user.updated",
    "IPostUserDeleted": "user.deleted",
    "IPostUserLoggedIn": "user.logged_in",
    "IPostUserLoggedOut": "user.logged_out",
    "IPostUserStatusChanged": "user.status_changed",
}
OTHER_EVENT = re.compile(r"I(Pre|Post)[A-Z]")
# As many digits as a number can have at all; Python refuses to read thousands.
_LONG = re.compile(r"-?[0-9]{1,308}")
_FAR_OFF = 10**15  # milliseconds: some 30,000 years


class Email(Struct, gc=False):
    address: str | None = None
    verified: bool | None = None


class Preferences(Struct, gc=False):
    language: str | None = None


class Settings(Struct, gc=False):
    preferences: Preferences | None = None


class Identity(Struct, gc=False):
    id: Any = UNSET


class User(Struct, rename="camel", gc=False):
    id: Any = UNSET
    username: str | None = None
    emails: list[Email] | None = None
    type: str | None = None
    is_enabled: bool | None = None
    name: str | None = None
    roles: list[str] | None = None
    bio: str | None = None
    status_text: str | None = None
    utc_offset: int | float | None = None
    # A typo of older servers.
    utf_offset: int | float | None = None
    created_at: Any = UNSET
    updated_at: Any = UNSET
    last_login_at: Any = UNSET
    settings: Settings | None = None
    app_id: str | None = None
    is_federated: bool | None = None


class UserContext(Struct, rename="camel", gc=False):
    user: User | None = None
    performed_by: Identity | None = None
    previous_data: User | None = None


class StatusContext(Struct, rename="camel", gc=False):
    user: Identity | None = None
    current_status: Any = UNSET
    previous_status: str | None = None


class Head(Struct, gc=False):
    event: Any = UNSET


class Body(Head, rename="camel", gc=False):
    event_id: str | int | None = None
    occurred_at: Any = UNSET
    workspace_id: str | int | None = None


class ChangeBody(Body, gc=False):
    context: UserContext | None = None


class StatusBody(Body, gc=False):
    context: StatusContext | None = None


class LoginBody(Body, gc=False):
    context: User | None = None


class LogoutBody(Body, gc=False):
    # Its object may come from a client (vendors.md 4.3): the id is all that is believed.
    context: Identity | None = None


_HEAD = Reader(Head)
_CHANGE_BODY = Reader(ChangeBody)
_STATUS_BODY = Reader(StatusBody)
_LOGIN_BODY = Reader(LoginBody)
_LOGOUT_BODY = Reader(LogoutBody)


def convert(message: Message) -> Mapped:
    name, kind = _judge(_HEAD.need(message.body, "$", message.odd))
    row_time: object = None
    match kind:
        case "user.status_changed":
            body, sub, data = _status_changed(message)
        case "user.logged_in":
            body, sub, data = _logged_in(message)
        case "user.logged_out":
            body, sub, data = _logged_out(message)
        case "user.deleted":
            body, sub, data = _deleted(message)
        case _:
            body, sub, data, row_time = _changed(kind, message)
    draft = Draft(kind, sub, message.recorded, "record", data, identity(body.workspace_id))
    occurred = _clock(body.occurred_at, "$.occurredAt")
    if occurred is not None:
        draft.time, draft.timesource = occurred, "event"
    elif (updated := _clock(row_time, "$.context.user.updatedAt")) is not None:
        draft.time, draft.timesource = updated, "row"
    else:
        data.snapshot = "partial"
    return Mapped(name, identity(body.event_id), [draft])


def _judge(head: Head) -> tuple[str, EventType]:
    name = event_name(head.event, "$.event")
    if kind := EVENTS.get(name):
        return name, kind
    if OTHER_EVENT.match(name):
        raise Dropped("other_family")
    raise unknown_event("$.event")


def _changed(kind: EventType, message: Message) -> tuple[Body, str, Data, object]:
    """Created or updated; the row's own time last."""
    body = _CHANGE_BODY.need(message.body, "$", message.odd)
    context = needed(body.context, "$.context")
    user = needed(context.user, "$.context.user")
    sub = needed_id(user.id, "$.context.user.id")
    data = _profile(user, sub, known=kind == "user.updated" or _has_row(user), odd=message.odd)
    if context.previous_data:
        before = _claims(context.previous_data, sub)
        differing = {name: value for name, value in before.items() if data.user.get(name) != value}
        data.previous = differing or UNSET
    data.actor = _actor(context, message.odd)
    return body, sub, data, user.updated_at


def _deleted(message: Message) -> tuple[Body, str, Data]:
    body = _CHANGE_BODY.need(message.body, "$", message.odd)
    context = needed(body.context, "$.context")
    sub = needed_id(needed(context.user, "$.context.user").id, "$.context.user.id")
    return body, sub, deletion(sub, "hard", actor=_actor(context, message.odd))


def _logged_in(message: Message) -> tuple[Body, str, Data]:
    body = _LOGIN_BODY.need(message.body, "$", message.odd)
    user = needed(body.context, "$.context")
    sub = needed_id(user.id, "$.context.id")
    data = _profile(user, sub, known=_has_row(user), odd=message.odd)
    # Read before the server writes this log-in: it is the one before.
    if data.attributes and "last_login_at" in data.attributes:
        data.login = Login(previous_at=data.attributes["last_login_at"])
    return body, sub, data


def _logged_out(message: Message) -> tuple[Body, str, Data]:
    body = _LOGOUT_BODY.need(message.body, "$", message.odd)
    sub = needed_id(needed(body.context, "$.context").id, "$.context.id")
    return body, sub, Data(snapshot="partial", user={"sub": sub})


def _status_changed(message: Message) -> tuple[Body, str, Data]:
    """Presence only: the user object beside it is made of defaults (vendors.md 4.3)."""
    body = _STATUS_BODY.need(message.body, "$", message.odd)
    context = needed(body.context, "$.context")
    sub = needed_id(needed(context.user, "$.context.user").id, "$.context.user.id")
    status = context.current_status
    if type(status) is not str or not status:
        refuse("$.context.currentStatus", "non-empty str")
    presence = Presence(status=status, previous=context.previous_status or UNSET)
    return body, sub, Data(snapshot="partial", user={"sub": sub}, presence=presence)


def _has_row(user: User) -> bool:
    """Whether the object is a stored user and not the stub that a new server hands over."""
    return _date(user.created_at) is not None


def _profile(user: User, sub: str, *, known: bool, odd: list[str]) -> Data:
    data = Data(snapshot="full" if known else "partial", user=_claims(user, sub))
    if known and user.is_enabled is not None:
        data.status = "active" if user.is_enabled else "blocked"
    data.attributes = _attributes(user, odd) or UNSET
    return data


def _claims(user: User, sub: str) -> dict[str, Any]:
    claims: dict[str, Any] = {"sub": sub}
    if user.name:
        claims["name"] = user.name
    if user.username:
        claims["preferred_username"] = user.username
    if user.emails and user.emails[0].address:
        claims["email"] = user.emails[0].address
        if user.emails[0].verified is not None:
            claims["email_verified"] = user.emails[0].verified
    if user.settings and user.settings.preferences and user.settings.preferences.language:
        claims["locale"] = user.settings.preferences.language
    return claims


def _attributes(user: User, odd: list[str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if user.type:
        attributes["type"] = user.type
    if user.roles is not None:
        attributes["roles"] = user.roles
    if user.bio:
        attributes["bio"] = user.bio
    if user.status_text:
        attributes["status_text"] = user.status_text
    offset = user.utf_offset if user.utc_offset is None else user.utc_offset
    if offset is not None:
        attributes["utc_offset"] = offset
    if created := _carried(user.created_at, "createdAt", odd):
        attributes["created_at"] = created
    if last_login := _carried(user.last_login_at, "lastLoginAt", odd):
        attributes["last_login_at"] = last_login
    if user.app_id:
        attributes["app_id"] = user.app_id
    if user.is_federated is not None:
        attributes["federated"] = user.is_federated
    return attributes


def _actor(context: UserContext, odd: list[str]) -> Actor | UnsetType:
    if context.performed_by is None:
        return UNSET
    sub = identity(context.performed_by.id)
    if sub is None:
        odd.append("performedBy")
        return UNSET
    return Actor(sub=sub)


def _instant(value: object) -> str | None:
    """A date as `Draft.time` has it, None for anything else.

    A date is RFC 3339 text or EJSON: `{"$date": ...}` of milliseconds, of text, or of
    `{"$numberLong": "..."}`, the milliseconds as text, which is EJSON's canonical form.
    """
    if type(value) is dict:
        value = value.get("$date")
        if type(value) is dict:
            value = _long(value.get("$numberLong"))
        if type(value) is int or type(value) is float:
            # Farther off than any time, and a float's thousandfold may be infinite.
            return sortable(int(max(-_FAR_OFF, min(value, _FAR_OFF)) * 1000))
    return normal_rfc3339(value) if type(value) is str else None


def _long(text: object) -> int | None:
    return int(text) if type(text) is str and _LONG.fullmatch(text) else None


def _date(value: object) -> str | None:
    """The same for what is carried: also None for an instant that no year of four digits holds."""
    if type(value) is str:
        return normal_rfc3339(value)
    text = _instant(value)
    return None if text in (BEFORE_ALL, AFTER_ALL) else text


def _clock(value: object, place: str) -> str | None:
    if value is None or value is UNSET:
        return None
    text = _instant(value)
    if text is None:
        refuse(place, "an RFC 3339 time with an offset or an EJSON date")
    return text


def _carried(value: object, name: str, odd: list[str]) -> str | None:
    if value is None or value is UNSET or value == "":
        return None
    text = _date(value)
    if text is None:
        odd.append(name)
    return text


_CLOCKS: dict[TimeSource, str] = {"event": "$.occurredAt", "row": "$.context.user.updatedAt"}
ROCKETCHAT = Vendor(
    "rocketchat", "Rocket.Chat", convert, (ChangeBody, StatusBody, LoginBody, LogoutBody), _CLOCKS
)
