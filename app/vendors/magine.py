"""Magine Pro: Standard-Webhooks bodies, `{type, timestamp, data}` (vendors.md, section 3).

The event id is in the `webhook-id` header only. `user.updated` is partial, and how it sends a
cleared field is not documented: null and empty text count as cleared, but for `mobilePhone`, whose
documented samples are all empty.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import Data, EventType
from app.vendors.model import Draft, Dropped, Mapped, Message, Vendor, deletion, needed, refuse
from app.vendors.reading import Reader
from app.vendors.values import (
    birthdate,
    clock,
    event_name,
    gender,
    identity,
    needed_id,
    other_family,
    unknown_event,
)

EVENTS: dict[str, EventType] = {
    "user.created": "user.created",
    "user.updated": "user.updated",
    "user.deleted": "user.deleted",
}
Text = str | UnsetType | None


class User(Struct, rename="camel", gc=False):
    user_id: Any = UNSET
    name: Text = UNSET
    country: Text = UNSET
    locale: Text = UNSET
    email: Text = UNSET
    email_opt_in: bool | UnsetType | None = UNSET
    email_before_update: Text = UNSET
    mobile_phone: Text = UNSET
    tags: list[str] | UnsetType | None = UNSET
    birth_date: Text = UNSET
    gender: Text = UNSET
    zip_code: Text = UNSET


class Head(Struct, gc=False):
    type: Any = UNSET


class Body(Head, gc=False):
    timestamp: Any = UNSET
    data: User | None = None


_HEAD = Reader(Head)
_BODY = Reader(Body)


def convert(message: Message) -> Mapped:
    odd = message.odd
    body = _BODY.typed(message.body)
    name, kind = _judge(body or _HEAD.need(message.body, "$", odd))
    body = body or _BODY.need(message.body, "$", odd)
    user = needed(body.data, "$.data")
    sub = needed_id(user.user_id, "$.data.userId")
    time = clock(body.timestamp, "$.timestamp")
    if time is None:
        refuse("$.timestamp", "an RFC 3339 time with an offset")
    if kind == "user.deleted":
        data = deletion(sub, "unknown")
    else:
        data = _profile(user, sub, kind == "user.updated", odd)
    return Mapped(name, identity(message.headers.get("webhook-id")), [Draft(kind, sub, time, "event", data)])


def _judge(head: Head) -> tuple[str, EventType]:
    name = event_name(head.type, "$.type")
    if kind := EVENTS.get(name):
        return name, kind
    if other_family(name):
        raise Dropped("other_family")
    raise unknown_event("$.type")


def _profile(user: User, sub: str, partial: bool, odd: list[str]) -> Data:
    claims: dict[str, Any] = {"sub": sub}
    _put(claims, "name", user.name, partial)
    _put(claims, "email", user.email, partial)
    _put(claims, "gender", gender(user.gender) if user.gender else user.gender, partial)
    born = user.birth_date
    if born:
        born = birthdate(born, "birthDate", odd) or UNSET
    _put(claims, "birthdate", born, partial)
    _put(claims, "locale", user.locale, partial)
    _put(claims, "phone_number", UNSET if user.mobile_phone == "" else user.mobile_phone, partial)
    address: dict[str, Any] = {}
    _put(address, "country", user.country, partial)
    _put(address, "postal_code", user.zip_code, partial)
    if address:
        claims["address"] = address
    attributes: dict[str, Any] = {}
    _put(attributes, "email_opt_in", user.email_opt_in, partial)
    _put(attributes, "country", user.country, partial)
    _put(attributes, "tags", user.tags, partial)
    before = user.email_before_update
    return Data(
        snapshot="partial" if partial else "full",
        user=claims,
        attributes=attributes or UNSET,
        previous={"email": before} if before and before != user.email else UNSET,
    )


def _put(target: dict[str, Any], name: str, value: object, partial: bool) -> None:
    """A value that is not set is left out of a full snapshot, and null in a partial one."""
    if value is UNSET:
        return
    if value is not None and value != "":
        target[name] = value
    elif partial:
        target[name] = None


MAGINE = Vendor("magine", "Magine Pro", convert, (Body,), {"event": "$.timestamp"})
