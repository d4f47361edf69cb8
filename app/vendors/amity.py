"""Amity, now social.plus: `{event, data: {users, files}}` (vendors.md, section 5).

No event id, no event time and no tenant anywhere: the time is the row's `updatedAt`. Every listed
event carries full snapshots of all its users; a deletion is a flag in one of them.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import Data, EventType, Status, TimeSource
from app.vendors.model import Draft, Dropped, Mapped, Message, Vendor, deletion, needed, refuse
from app.vendors.reading import Reader
from app.vendors.values import carried_time, clock, event_name, needed_id, other_family, unknown_event

EVENTS: dict[str, EventType] = {
    "user.didCreate": "user.created",
    "user.didUpdate": "user.updated",
    "user.didFlag": "user.flagged",
    "user.didUnflag": "user.unflagged",
    "user.didClearFlag": "user.flags_cleared",
    # In prose only, and one sample contradicts `data.users`, without which they are `schema`.
    "user.didBan": "user.banned",
    "user.didUnban": "user.unbanned",
}
# Of `user`, and yet not about a user's own state.
OTHER_EVENTS = frozenset({"user.didFollow", "user.didJoinCommunity"})


class User(Struct, rename="camel", gc=False):
    user_id: Any = UNSET
    user_public_id: str | None = None
    display_name: str | None = None
    profile_handle: str | None = None
    description: str | None = None
    avatar_file_id: str | None = None
    avatar_custom_url: str | None = None
    roles: list[str] | None = None
    permissions: list[str] | None = None
    flag_count: int | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str | dict[str, Any]] | None = None
    is_global_ban: bool | None = None
    is_brand: bool | None = None
    is_deleted: bool | None = None
    created_at: str | None = None
    updated_at: Any = UNSET


class File(Struct, rename="camel", gc=False):
    file_id: str | None = None
    file_url: str | None = None


class Content(Struct, gc=False):
    users: list[User | None] | None = None
    files: list[File] | None = None


class Head(Struct, gc=False):
    event: Any = UNSET


class Body(Head, gc=False):
    data: Content | None = None


_HEAD = Reader(Head)
_BODY = Reader(Body)


def convert(message: Message) -> Mapped:
    body = _BODY.typed(message.body)
    name, kind = _judge(body or _HEAD.need(message.body, "$", message.odd))
    body = body or _BODY.need(message.body, "$", message.odd)
    data = needed(body.data, "$.data")
    users, files = data.users, data.files or []
    if users is None:
        refuse("$.data.users", "array")
    if not users:
        raise Dropped("no_users")
    urls: dict[str, str] = {}
    for file in files:
        if file.file_id and file.file_url:
            urls.setdefault(file.file_id, file.file_url)
    return Mapped(name, None, [_draft(kind, user, urls, message) for user in users])


def _judge(head: Head) -> tuple[str, EventType]:
    name = event_name(head.event, "$.event")
    if kind := EVENTS.get(name):
        return name, kind
    if name in OTHER_EVENTS or other_family(name):
        raise Dropped("other_family")
    raise unknown_event("$.event")


def _draft(kind: EventType, user: User | None, urls: dict[str, str], message: Message) -> Draft:
    user = needed(user, "$.data.users[...]")
    sub = needed_id(user.user_id, "$.data.users[...].userId")
    time = clock(user.updated_at, "$.data.users[...].updatedAt")
    source: TimeSource = "record" if time is None else "row"
    if user.is_deleted:
        kind, data = "user.deleted", deletion(sub, "soft")
    else:
        data = Data(
            snapshot="partial" if time is None else "full",
            status=_status(user),
            user=_claims(user, sub, urls),
            attributes=_attributes(user, message.odd) or UNSET,
        )
    return Draft(kind, sub, message.recorded if time is None else time, source, data)


def _status(user: User) -> Status | UnsetType:
    if user.is_global_ban is None:
        return UNSET
    return "blocked" if user.is_global_ban else "active"


def _claims(user: User, sub: str, urls: dict[str, str]) -> dict[str, Any]:
    claims: dict[str, Any] = {"sub": sub}
    if user.display_name:
        claims["name"] = user.display_name
    if user.profile_handle:
        claims["preferred_username"] = user.profile_handle
    picture = user.avatar_custom_url
    if not picture and user.avatar_file_id:
        picture = urls.get(user.avatar_file_id)
    if picture:
        claims["picture"] = picture
    return claims


def _attributes(user: User, odd: list[str]) -> dict[str, Any]:
    attributes: dict[str, Any] = {}
    if user.user_public_id:
        attributes["user_public_id"] = user.user_public_id
    if user.roles is not None:
        attributes["roles"] = user.roles
    if user.permissions is not None:
        attributes["permissions"] = user.permissions
    if user.description:
        attributes["description"] = user.description
    if user.flag_count is not None:
        attributes["flag_count"] = user.flag_count
    if user.is_brand is not None:
        attributes["is_brand"] = user.is_brand
    if user.is_global_ban is not None:
        attributes["is_global_ban"] = user.is_global_ban
    if user.metadata is not None:
        attributes["metadata"] = user.metadata
    if user.tags is not None:
        attributes["tags"] = user.tags
    if created := carried_time(user.created_at, "createdAt", odd):
        attributes["created_at"] = created
    return attributes


AMITY = Vendor("amity", "Amity (social.plus)", convert, (Body,), {"row": "$.data.users[...].updatedAt"})
