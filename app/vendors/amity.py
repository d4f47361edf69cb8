"""Amity, now social.plus: `{event, data: {users, files}}` (docs/vendors/amity.md#what-the-vendor-sends).

A body has no event id, no event time and no tenant: the time is the row's `updatedAt`. Every mapped event
carries full snapshots of all its users. A deletion is a flag in one of them.
"""

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from app.canonical import EventType, Status, TimeSource
from app.new_event import NewData
from app.vendors.event_bodies import EventBodies
from app.vendors.event_names import EventNames
from app.vendors.model import Draft, Mapped, Message, Vendor, deletion, invalid, require_items
from app.vendors.needed import Needed, NeededId, RowTime
from app.vendors.values import carried_time, event_time, require_id

EVENTS = EventNames(
    "$.event",
    {
        "user.didCreate": "user.created",
        "user.didUpdate": "user.updated",
        "user.didFlag": "user.flagged",
        "user.didUnflag": "user.unflagged",
        "user.didClearFlag": "user.flags_cleared",
        # Documented in prose only; without `data.users`, which one sample lacks, they are `schema`.
        "user.didBan": "user.banned",
        "user.didUnban": "user.unbanned",
    },
    # Of `user`, and yet not about a user's own state.
    other_names={"user.didFollow", "user.didJoinCommunity"},
)


class _User(Struct, rename="camel", gc=False):
    user_id: NeededId = UNSET
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
    updated_at: RowTime = UNSET


class File(Struct, rename="camel", gc=False):
    file_id: str | None = None
    file_url: str | None = None


class Content(Struct, gc=False):
    users: Needed[list[Needed[_User]]] = None
    files: list[File] | None = None


class _Body(Struct, gc=False):
    data: Needed[Content] = None


class _Claims(Struct, omit_defaults=True, gc=False):
    sub: str
    name: str | None = None
    preferred_username: str | None = None
    picture: str | None = None


class _Attributes(Struct, omit_defaults=True, gc=False):
    user_public_id: str | None = None
    roles: list[str] | None = None
    permissions: list[str] | None = None
    description: str | None = None
    flag_count: int | None = None
    is_brand: bool | None = None
    is_global_ban: bool | None = None
    metadata: dict[str, Any] | None = None
    tags: list[str | dict[str, Any]] | None = None
    created_at: str | None = None


_NO_ATTRIBUTES = _Attributes()
_STATUS: dict[bool | None, Status | UnsetType] = {True: "blocked", False: "active", None: UNSET}
_BODIES = EventBodies(EVENTS, dict.fromkeys(EVENTS.types, _Body))


def map_message(message: Message) -> Mapped:
    name, event_type, body = _BODIES.read(message)
    data = body.data or invalid("$.data", "object")
    users, files = require_items(data.users, "$.data.users"), data.files or ()
    urls: dict[str, str] = {}
    for file in files:
        if file.file_id and file.file_url:
            urls.setdefault(file.file_id, file.file_url)
    return Mapped(name, None, [_draft(event_type, user, urls, message) for user in users])


def _draft(event_type: EventType, user: _User | None, urls: dict[str, str], message: Message) -> Draft:
    user = user or invalid("$.data.users[...]", "object")
    sub = require_id(user.user_id, "$.data.users[...].userId")
    time = event_time(user.updated_at, "$.data.users[...].updatedAt")
    source: TimeSource = "record" if time is None else "row"
    if user.is_deleted:
        event_type, data = "user.deleted", deletion(sub, "soft")
    else:
        data = _profile(user, sub, urls, message.left_out)
    return Draft(event_type, sub, message.recorded if time is None else time, source, data)


def _profile(user: _User, sub: str, urls: dict[str, str], left_out: list[str]) -> NewData:
    picture = user.avatar_custom_url
    if not picture and user.avatar_file_id:
        picture = urls.get(user.avatar_file_id)
    claims = _Claims(
        sub,
        name=user.display_name or None,
        preferred_username=user.profile_handle or None,
        picture=picture or None,
    )
    attributes = _Attributes(
        user_public_id=user.user_public_id or None,
        roles=user.roles,
        permissions=user.permissions,
        description=user.description or None,
        flag_count=user.flag_count,
        is_brand=user.is_brand,
        is_global_ban=user.is_global_ban,
        metadata=user.metadata,
        tags=user.tags,
        created_at=carried_time(user.created_at, "createdAt", left_out),
    )
    return NewData(
        "full",
        _STATUS[user.is_global_ban],
        claims,
        UNSET if attributes == _NO_ATTRIBUTES else attributes,
    )


AMITY = Vendor(
    name="amity",
    title="Amity (social.plus)",
    map=map_message,
    shapes=_BODIES.shapes,
    times={"row": "$.data.users[...].updatedAt"},
    event_name=EVENTS.name_in,
)
