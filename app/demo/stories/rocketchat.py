"""Rocket.Chat: stubs, log-ins and presence, in Rollcall's own envelope; the workspace is the tenant."""

from typing import Any, Final

from app.demo.day import iso, micros, stated
from app.demo.story import (
    MEBIBYTE,
    RECORDED,
    Body,
    Counts,
    Dies,
    Rows,
    Skips,
    Story,
    emits,
    encoded,
)

_WORKSPACE: Final = "lighthouse"
_WHO: Final = {"vendor": "rocketchat", "tenant": _WORKSPACE}
_NADIA, _OTTO, _PILAR, _ADMIN = "nP7xQ2", "oB3kT9", "pS5mW4", "rcAdmin1"


def _user(sub: str, username: str, name: str, updated: str, **changes: Any) -> dict[str, Any]:
    """A stored user as the Apps-Engine hands it over (vendors.md 4.2)."""
    user = {
        "id": sub,
        "username": username,
        "emails": [{"address": f"{username}@example.com", "verified": True}],
        "type": "user",
        "isEnabled": True,
        "name": name,
        "roles": ["user"],
        "status": "online",
        "statusConnection": "online",
        "utcOffset": 2,
        "createdAt": iso("08:00"),
        "updatedAt": iso(updated),
        "settings": {"preferences": {"language": "de"}},
        "customFields": {"desk": "4b"},
    }
    return user | changes


def _stub(sub: str, username: str) -> dict[str, Any]:
    """What newer servers hand over as a created user: four fields and two defaults (vendors.md 4.3)."""
    defaults = {"statusConnection": "undefined", "settings": {"preferences": {}}}
    return {"id": sub, "username": username, "type": "user", "roles": ["user"]} | defaults


def _event(name: str, number: str, clock: str, context: dict[str, Any]) -> bytes:
    return encoded(
        {
            "event": name,
            "eventId": number,
            "occurredAt": iso(clock),
            "workspaceId": _WORKSPACE,
            "context": context,
        }
    )


def _status(number: str, clock: str, current: str, previous: str) -> bytes:
    user = {"id": _NADIA, "username": "nadia", "type": "unknown", "statusConnection": "undefined"}
    context = {"user": user, "currentStatus": current, "previousStatus": previous}
    return _event("IPostUserStatusChanged", number, clock, context)


_BEFORE = _user(_NADIA, "nadia", "Nadia Petrova", "09:00")
_NOW = _user(_NADIA, "nadia", "Nadia Petrova-Weiss", "10:00", roles=["user", "moderator"])
_UPDATED = _event(
    "IPostUserUpdated",
    "e-10",
    "10:00",
    {"user": _NOW, "performedBy": {"id": _ADMIN, "username": "admin"}, "previousData": _BEFORE},
)
_LOGGED_OUT = {"event": "IPostUserLoggedOut", "eventId": "e-20", "workspaceId": _WORKSPACE}

_BODIES: Final = (
    Body(
        "Nadia is created: a stub without name, e-mail and status",
        _NADIA,
        _event("IPostUserCreated", "e-01", "08:00", {"user": _stub(_NADIA, "nadia")}),
        emits("user.created", _NADIA),
    ),
    Body("an administrator renames Nadia", _NADIA, _UPDATED, emits("user.updated", _NADIA)),
    Body(
        "a second node of the server tells the same",
        _NADIA,
        _UPDATED,
        emits("user.updated", _NADIA, "unchanged"),
        repeats=True,
    ),
    Body(
        "an older update of Nadia arrives late",
        _NADIA,
        _event("IPostUserUpdated", "e-05", "09:00", {"user": _BEFORE}),
        emits("user.updated", _NADIA, "stale"),
    ),
    Body(
        "Nadia logs in; the body holds her log-in before this one",
        _NADIA,
        _event("IPostUserLoggedIn", "e-11", "11:00", _NOW | {"lastLoginAt": iso("08:15")}),
        emits("user.logged_in", _NADIA),
    ),
    Body(
        "Nadia goes away; the user beside it is made of defaults",
        _NADIA,
        _status("e-13", "11:30", "away", "online"),
        emits("user.status_changed", _NADIA),
    ),
    Body(
        "an earlier change of her presence arrives late",
        _NADIA,
        _status("e-12", "11:10", "busy", "online"),
        emits("user.status_changed", _NADIA, "stale"),
    ),
    Body(
        "Nadia logs out; a client sent the user, nobody the time",
        _NADIA,
        encoded(_LOGGED_OUT | {"context": {"id": _NADIA, "name": "Somebody Else", "isEnabled": False}}),
        emits("user.logged_out", _NADIA),
    ),
    Body(
        "Otto is deactivated; dates come as EJSON",
        _OTTO,
        _event(
            "IPostUserUpdated",
            "e-14",
            "11:40",
            {
                "user": _user(
                    _OTTO,
                    "otto",
                    "Otto Brandt",
                    "11:40",
                    isEnabled=False,
                    createdAt={"$date": micros("08:00") // 1000},
                )
            },
        ),
        emits("user.updated", _OTTO),
    ),
    Body(
        "Pilar changes her name",
        _PILAR,
        _event("IPostUserUpdated", "e-03", "08:30", {"user": _user(_PILAR, "pilar", "Pilar Soto", "08:30")}),
        emits("user.updated", _PILAR),
    ),
    Body(
        "Pilar is deleted by an administrator",
        _PILAR,
        _event(
            "IPostUserDeleted",
            "e-16",
            "12:00",
            {"user": _user(_PILAR, "pilar", "Pilar Soto", "08:30"), "performedBy": {"id": _ADMIN}},
        ),
        emits("user.deleted", _PILAR),
    ),
    Body(
        "an update of Pilar from before arrives late",
        _PILAR,
        _event("IPostUserUpdated", "e-15", "11:45", {"user": _user(_PILAR, "pilar", "Pilar S.", "11:45")}),
        emits("user.updated", _PILAR, "after_deletion"),
    ),
    Body(
        "a message: another family",
        _NADIA,
        _event("IPostMessageSent", "e-17", "12:05", {"message": {"id": "m1"}}),
        Skips("other_family"),
    ),
    Body("a null value", "99", None, Skips("tombstone")),
    Body("JavaScript's word for nothing", "bad", b"undefined", Dies("not_json")),
    Body(
        "the outgoing webhook of a server with a known bug",
        "bad",
        encoded({"token": "not-a-secret", "bot": False}),
        Dies("schema", "$.event"),
    ),
    Body(
        "the outgoing webhook's event name",
        "bad",
        encoded({"event": "userCreated", "context": {"user": {"id": "x"}}}),
        Dies("unknown_event", "$.event"),
    ),
    Body(
        "a forwarder whose clock runs ahead of its time",
        "bad",
        encoded({"event": "IPostUserLoggedIn", "occurredAt": "2999-01-01T00:00:00Z", "context": {"id": "x"}}),
        Dies("bad_time", "$.occurredAt"),
    ),
    Body(
        "a biography of a mebibyte",
        "bad",
        _event("IPostUserUpdated", "e-18", "12:10", {"user": {"id": "x", "bio": "x" * MEBIBYTE}}),
        Dies("too_large"),
    ),
)

_ROWS: Final = (
    Rows(
        _NADIA,
        "the stub blanked nothing, presence and log-out touched nothing else",
        _WHO
        | {
            "sub": _NADIA,
            "status": "active",
            "complete": True,
            "profile": {
                "name": "Nadia Petrova-Weiss",
                "preferred_username": "nadia",
                "email": "nadia@example.com",
                "email_verified": True,
                "locale": "de",
            },
            "attributes": {
                "type": "user",
                "roles": ["user", "moderator"],
                "utc_offset": 2,
                "created_at": stated("08:00"),
                "last_login_at": stated("08:15"),
            },
            "settings": {},
            "presence": {"status": "away", "at": stated("11:30")},
            "created_at": stated("08:00"),
            "updated_at": stated("11:00"),
            "last_login_at": stated("11:00"),
            "last_logout_at": RECORDED,
            "as_of": micros("11:00"),
            "stamps": {},
        },
    ),
    Rows(
        _OTTO,
        "isEnabled: false is blocked",
        _WHO
        | {
            "sub": _OTTO,
            "status": "blocked",
            "complete": True,
            "profile": {
                "name": "Otto Brandt",
                "preferred_username": "otto",
                "email": "otto@example.com",
                "email_verified": True,
                "locale": "de",
            },
            "attributes": {
                "type": "user",
                "roles": ["user"],
                "utc_offset": 2,
                "created_at": stated("08:00"),
            },
            "settings": {},
            "updated_at": stated("11:40"),
            "as_of": micros("11:40"),
            "stamps": {},
        },
    ),
    Rows(
        _PILAR,
        "gone; the late update did not revive her",
        _WHO | {"sub": _PILAR, "status": "deleted", "deleted_at": stated("12:00")},
    ),
)

ROCKETCHAT: Final = Story(
    "rocketchat",
    f"rocketchat/{_WORKSPACE}/",
    _BODIES,
    _ROWS,
    Counts(received=19, emitted=12, skipped=2, dead=5, events=12, distinct=11),
    second_act="Pilar is deleted by an administrator",
    highlight="Nadia goes away; the user beside it is made of defaults",
)
