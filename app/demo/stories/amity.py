"""Amity: flags and bans, several users in a message; no ids, no tenant, the row's time only."""

from typing import Any, Final

from app.demo.day import iso, micros, stated
from app.demo.story import (
    MEBIBYTE,
    Body,
    Counts,
    Dies,
    Emits,
    Rows,
    Said,
    Skips,
    Story,
    emits,
    encoded,
)

_TENANT: Final = "tidewater"
_WHO: Final = {"vendor": "amity", "tenant": _TENANT}


def _user(sub: str, name: str, updated: str, **changes: Any) -> dict[str, Any]:
    """`users[]` (vendors.md 5.2)."""
    user = {
        "_id": f"64f{sub}",
        "path": f"tidewater/user/{sub}",
        "userId": sub,
        "userInternalId": f"64f{sub}",
        "userPublicId": f"pub-{sub}",
        "roles": [],
        "permissions": [],
        "displayName": name,
        "profileHandle": sub,
        "description": "",
        "avatarFileId": "",
        "avatarCustomUrl": "",
        "flagCount": 0,
        "hashFlag": None,
        "metadata": {},
        "isGlobalBan": False,
        "isBrand": False,
        "createdAt": iso("08:00"),
        "updatedAt": iso(updated),
    }
    return user | changes


def _event(name: str, *users: dict[str, Any], files: tuple[dict[str, Any], ...] = ()) -> bytes:
    return encoded({"event": name, "data": {"users": list(users), "files": list(files)}})


_PICTURE = {
    "fileId": "file-7",
    "fileUrl": "https://cdn.example.com/quinn.png",
    "type": "image",
    "attributes": {"size": "48213", "metadata": {"gps": {"lat": 1.29, "lng": 103.85}}},
}
_CREATED = _event("user.didCreate", _user("quinn", "Quinn Adler", "08:00"))
_FLAGGED = {"flagCount": 1, "hashFlag": {"bits": 8, "hashes": 1, "hash": "AQ=="}, "avatarFileId": "file-7"}

_BODIES: Final = (
    Body("Quinn signs up", "quinn", _CREATED, emits("user.created", "quinn")),
    Body(
        "the same request once more, with the older signature",
        "quinn",
        _CREATED,
        emits("user.created", "quinn", "unchanged"),
        repeats=True,
    ),
    Body(
        "Quinn uploads a picture; where it was taken stays behind",
        "quinn",
        _event(
            "user.didUpdate",
            _user("quinn", "Quinn A.", "10:00", avatarFileId="file-7"),
            files=(_PICTURE,),
        ),
        emits("user.updated", "quinn"),
    ),
    Body(
        "an older update of Quinn arrives late",
        "quinn",
        _event("user.didUpdate", _user("quinn", "Quinn", "09:00")),
        emits("user.updated", "quinn", "stale"),
    ),
    Body(
        "Quinn is flagged",
        "quinn",
        _event("user.didFlag", _user("quinn", "Quinn A.", "10:30", **_FLAGGED), files=(_PICTURE,)),
        emits("user.flagged", "quinn"),
    ),
    Body(
        "the flag is taken back",
        "quinn",
        _event(
            "user.didUnflag", _user("quinn", "Quinn A.", "10:40", avatarFileId="file-7"), files=(_PICTURE,)
        ),
        emits("user.unflagged", "quinn"),
    ),
    Body(
        "a moderator clears Quinn's flags",
        "quinn",
        _event(
            "user.didClearFlag", _user("quinn", "Quinn A.", "11:00", avatarFileId="file-7"), files=(_PICTURE,)
        ),
        emits("user.flags_cleared", "quinn"),
    ),
    Body(
        "Rosa signs up",
        "rosa",
        _event("user.didCreate", _user("rosa", "Rosa Lima", "08:05")),
        emits("user.created", "rosa"),
    ),
    Body(
        "Rosa is banned",
        "rosa",
        _event("user.didBan", _user("rosa", "Rosa Lima", "11:15", isGlobalBan=True, flagCount=4)),
        emits("user.banned", "rosa"),
    ),
    Body(
        "Sami and Tove in one message",
        "batch",
        _event(
            "user.didUpdate",
            _user("sami", "Sami Aalto", "09:20", isGlobalBan=True),
            _user("tove", "Tove Dahl", "09:21", metadata={"team": "north"}),
        ),
        Emits((Said("user.updated", "sami"), Said("user.updated", "tove"))),
    ),
    Body(
        "Sami's ban is lifted",
        "batch",
        _event("user.didUnban", _user("sami", "Sami Aalto", "09:40", tags=["vip"])),
        emits("user.unbanned", "sami"),
    ),
    Body(
        "Uma signs up",
        "uma",
        _event("user.didCreate", _user("uma", "Uma Patel", "08:10")),
        emits("user.created", "uma"),
    ),
    Body(
        "Uma is deleted: a flag in an update",
        "uma",
        _event("user.didUpdate", _user("uma", "Uma Patel", "12:00", isDeleted=True)),
        emits("user.deleted", "uma"),
    ),
    Body(
        "an update of Uma from before arrives late",
        "uma",
        _event("user.didUpdate", _user("uma", "Uma P.", "11:00")),
        emits("user.updated", "uma", "after_deletion"),
    ),
    Body(
        "Quinn joins a community: another family",
        "quinn",
        encoded({"event": "v3.community.didJoin", "data": {"communities": []}}),
        Skips("other_family"),
    ),
    Body(
        "Quinn follows Rosa: not about a user's own state",
        "quinn",
        encoded({"event": "user.didFollow", "data": {"follows": []}}),
        Skips("other_family"),
    ),
    Body("an update of nobody", "batch", _event("user.didUpdate"), Skips("no_users")),
    Body("a null value", "99", None, Skips("tombstone")),
    Body("a byte-order mark", "bad", b"\xef\xbb\xbf" + _CREATED, Dies("not_json")),
    Body(
        "a ban with an id only, as one sample of the vendor has it",
        "bad",
        encoded({"event": "user.didBan", "data": {"userId": "rosa"}}),
        Dies("schema", "$.data.users"),
    ),
    Body(
        "a deletion, which is in no list of the vendor's",
        "bad",
        _event("user.didDelete", _user("uma", "Uma Patel", "12:00")),
        Dies("unknown_event", "$.event"),
    ),
    Body(
        "a row from before there were rows",
        "bad",
        _event("user.didUpdate", _user("vera", "Vera", "11:00", updatedAt="1999-12-31T23:59:59.999Z")),
        Dies("bad_time", "$.data.users[...].updatedAt"),
    ),
    Body(
        "metadata of a mebibyte",
        "bad",
        _event("user.didUpdate", _user("vera", "Vera", "11:20", metadata={"note": "x" * MEBIBYTE})),
        Dies("too_large"),
    ),
)


def _row(sub: str, name: str, updated: str, **changes: Any) -> dict[str, Any]:
    """The row after the last update; `attributes` and `profile` add to what all have."""
    row: dict[str, Any] = _WHO | {
        "sub": sub,
        "status": "active",
        "complete": True,
        "profile": {"name": name, "preferred_username": sub},
        "attributes": {
            "user_public_id": f"pub-{sub}",
            "roles": [],
            "permissions": [],
            "flag_count": 0,
            "is_brand": False,
            "is_global_ban": False,
            "metadata": {},
            "created_at": stated("08:00"),
        },
        "settings": {},
        "updated_at": stated(updated),
        "as_of": micros(updated),
        "stamps": {},
    }
    row["profile"] |= changes.pop("profile", {})
    row["attributes"] |= changes.pop("attributes", {})
    return row | changes


_ROWS: Final = (
    Rows(
        "quinn",
        "flagged, unflagged, cleared: the newest snapshot counts",
        _row(
            "quinn",
            "Quinn A.",
            "11:00",
            created_at=stated("08:00"),
            profile={"picture": "https://cdn.example.com/quinn.png"},
        ),
    ),
    Rows(
        "rosa",
        "banned is blocked",
        _row(
            "rosa",
            "Rosa Lima",
            "11:15",
            created_at=stated("08:05"),
            status="blocked",
            attributes={"flag_count": 4, "is_global_ban": True},
        ),
    ),
    Rows(
        "sami",
        "first of two in a message, banned in it; then not any more",
        _row("sami", "Sami Aalto", "09:40", attributes={"tags": ["vip"]}),
    ),
    Rows(
        "tove",
        "second of two in a message",
        _row("tove", "Tove Dahl", "09:21", attributes={"metadata": {"team": "north"}}),
    ),
    Rows(
        "uma",
        "gone; the late update did not revive her",
        _WHO | {"sub": "uma", "status": "deleted", "deleted_at": stated("12:00")},
    ),
)

AMITY: Final = Story(
    "amity",
    f"amity/{_TENANT}/",
    _BODIES,
    _ROWS,
    Counts(received=23, emitted=14, skipped=4, dead=5, events=15, distinct=14),
    second_act="Uma is deleted: a flag in an update",
    highlight="Quinn is flagged",
    tenant_setting=_TENANT,
)
