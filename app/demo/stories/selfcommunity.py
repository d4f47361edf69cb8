"""SelfCommunity: scores, loyalty points, settings; the tenant stands in a record header."""

from typing import Any, Final

from app.demo.day import iso, micros, millis, seconds, stated
from app.demo.story import (
    MEBIBYTE,
    TOMBSTONE,
    Body,
    Counts,
    Dies,
    Emits,
    Rows,
    Skips,
    Story,
    emits,
    encoded,
    header,
)

_WHO: Final = {"vendor": "selfcommunity", "tenant": "harbour"}


def _user(number: int, username: str, name: str, **changes: Any) -> dict[str, Any]:
    """The full user object (vendors.md 1.3)."""
    user = {
        "id": number,
        "username": username,
        "real_name": name,
        "email": f"{username}@example.com",
        "email_isvalid": True,
        "date_joined": iso("07:00"),
        "bio": "",
        "location": "",
        "location_lat_lng": "45.7640,4.8357",
        "position_lat_lng": None,
        "date_of_birth": None,
        "description": "",
        "gender": "Unspecified",
        "status": "a",
        "website": "",
        "avatar": None,
        "cover": None,
        "ext_id": None,
        "tags": [],
        "reputation": 0,
        "followers_counter": 0,
    }
    return user | changes


def _reduced(number: int, username: str, name: str, **more: Any) -> dict[str, Any]:
    """The user beside scores and points (vendors.md 1.3)."""
    email = f"{username}@example.com"
    reduced = {"id": number, "username": username, "real_name": name, "email": email, "description": ""}
    return reduced | {"avatar": None} | more


def _event(number: int, name: str, clock: str, data: dict[str, Any]) -> bytes:
    return encoded({"event_id": number, "type": name, "created": seconds(clock), "data": data})


def _body(text: str, key: str, value: bytes | None, outcome: Emits | Skips | Dies, **more: Any) -> Body:
    return Body(text, key, value, outcome, headers=header(tenant="harbour"), **more)


def _score(number: int, clock: str, user: dict[str, Any], score: object, reason: str, code: int) -> bytes:
    data = {
        "id": number + 50_000,
        "user": user,
        "score": score,
        "reputation_type": code,
        "reputation_type_description": reason,
        "comment": None,
    }
    return _event(number, "user.score_updated", clock, data)


_ADA = ("ada", "Ada Moreau")
_ADA_LATER = ("ada", "Ada Moreau-Lang")
_CREATED = _event(9101, "user.created", "08:00:00.139224", _user(41, *_ADA, ext_id="crm-1041"))
_SETTINGS = {
    "qa_frequency": -1,
    "email_notification_not_qa": 0,
    "mobile_notifications_scmty": 1,
    "show_toast_notifications": 1,
    "toast_notifications_emit_sound": 0,
}
_ADA_NOW = _user(
    41,
    *_ADA_LATER,
    ext_id="crm-1041",
    location="Marseille",
    gender="Female",
    reputation=5,
    followers_counter=3,
)
_POINTS = {
    "user": _reduced(41, *_ADA_LATER),
    "action": "daily_login",
    "points": 30,
    "added_at": "2025-06-02T12:20:00.105234+02:00",
    "total_points": 130,
}
_CHIARA = ("chiara", "Chiara Russo")
_CHIARA_GONE = _user(43, *_CHIARA, status="d")

_BODIES: Final = (
    _body("Ada signs up", "41", _CREATED, emits("user.created", "41")),
    _body(
        "the vendor retries Ada's sign-up",
        "41",
        _CREATED,
        emits("user.created", "41", "unchanged"),
        repeats=True,
    ),
    _body(
        "Ada marries and moves",
        "41",
        _event(9140, "user.updated", "09:30", _ADA_NOW),
        emits("user.updated", "41"),
    ),
    _body(
        "an older update of Ada arrives late",
        "41",
        _event(9133, "user.updated", "09:00", _user(41, *_ADA, ext_id="crm-1041", bio="Sailor")),
        emits("user.updated", "41", "stale"),
    ),
    _body(
        "Ada changes her settings",
        "41",
        _event(9150, "user.settings_updated", "09:45", _SETTINGS | {"user": _ADA_NOW}),
        emits("user.settings_updated", "41"),
    ),
    _body(
        "Ada's post is upvoted",
        "41",
        _score(9161, "10:00", _reduced(41, *_ADA_LATER, reputation=10), 5, "gain_by_upvoted", 1),
        emits("user.score_updated", "41"),
    ),
    _body(
        "Ada loses a follower; the score is text",
        "41",
        _score(9162, "10:10", _reduced(41, *_ADA_LATER, reputation=8), "-2", "lose_by_follower", -19),
        emits("user.score_updated", "41"),
    ),
    _body(
        "Ada earns loyalty points",
        "41",
        _event(9175, "user.loyalty_points_updated", "10:20", _POINTS),
        emits("user.loyalty_points_updated", "41"),
    ),
    _body(
        "Ben signs up",
        "42",
        _event(9102, "user.created", "08:05", _user(42, "ben", "Ben Okafor")),
        emits("user.created", "42"),
    ),
    _body(
        "Ben is blocked",
        "42",
        _event(9180, "user.updated", "11:00", _user(42, "ben", "Ben Okafor", status="b")),
        emits("user.updated", "42"),
    ),
    _body(
        "Chiara signs up",
        "43",
        _event(9103, "user.created", "08:10", _user(43, *_CHIARA)),
        emits("user.created", "43"),
    ),
    _body(
        "Chiara scores",
        "43",
        _score(9120, "08:30", _reduced(43, *_CHIARA, reputation=2), 2, "gain_by_upvoted", 1),
        emits("user.score_updated", "43"),
    ),
    _body(
        "Chiara leaves",
        "43",
        _event(9190, "user.deleted", "12:00", _CHIARA_GONE),
        emits("user.deleted", "43"),
    ),
    _body(
        "an update of Chiara from before arrives late",
        "43",
        _event(9188, "user.updated", "11:50", _user(43, *_CHIARA, bio="Diver")),
        emits("user.updated", "43", "after_deletion"),
    ),
    _body(
        "a score of Chiara after she left",
        "43",
        _score(9195, "12:30", _reduced(43, *_CHIARA, reputation=3), 1, "gain_by_upvoted", 1),
        emits("user.score_updated", "43", "after_deletion"),
    ),
    _body(
        "Ben follows Ada: another family",
        "42",
        _event(9170, "connection.follow", "10:15", {"from_user": {"id": 42}, "to_user": {"id": 41}}),
        Skips("other_family"),
    ),
    _body("a null value", "99", None, Skips("tombstone")),
    _body("a body cut off", "41", _CREATED[:-40], Dies("not_json")),
    _body(
        "a user without an id",
        "44",
        _event(9181, "user.updated", "11:05", {"username": "nobody"}),
        Dies("schema", "$.data.id"),
    ),
    _body(
        "the documentation's sample",
        "44",
        encoded({"event_id": 0, "type": "string", "created": seconds("11:10"), "data": {"id": 1}}),
        Dies("unknown_event", "$.type"),
    ),
    _body(
        "milliseconds for seconds",
        "44",
        encoded({"type": "user.updated", "created": millis("11:15"), "data": {"id": 44}}),
        Dies("bad_time", "$.created"),
    ),
    _body(
        "a biography of a mebibyte",
        "44",
        _event(9182, "user.updated", "11:20", _user(44, "dora", "Dora", bio="x" * MEBIBYTE)),
        Dies("too_large"),
    ),
)

_ROWS: Final = (
    Rows(
        "41",
        "the late older update changed nothing; scores and points touch only what they carry",
        _WHO
        | {
            "sub": "41",
            "status": "active",
            "complete": True,
            "profile": {
                "name": "Ada Moreau-Lang",
                "preferred_username": "ada",
                "email": "ada@example.com",
                "email_verified": True,
                "gender": "female",
                "address": {"formatted": "Marseille"},
            },
            "attributes": {
                "ext_id": "crm-1041",
                "date_joined": stated("07:00"),
                "tags": [],
                "reputation": 5,
                "counters": {"followers_counter": 3},
            },
            "settings": _SETTINGS,
            "created_at": stated("08:00:00.139224"),
            "updated_at": stated("10:20"),
            "as_of": micros("09:45"),
            "stamps": {
                "profile.name": micros("10:20"),
                "profile.preferred_username": micros("10:20"),
                "profile.email": micros("10:20"),
            },
        },
        loyalty=_WHO
        | {
            "sub": "41",
            "reputation": {"value": 8, "as_of": micros("10:10")},
            "points": {"value": 130, "as_of": micros("10:20")},
            "entries": [
                {
                    "id": "user.loyalty_points_updated:9175",
                    "kind": "points",
                    "delta": 30,
                    "balance": 130,
                    "reason": "daily_login",
                    "at": stated("10:20"),
                },
                {
                    "id": "user.score_updated:9162",
                    "kind": "reputation",
                    "delta": -2,
                    "balance": 8,
                    "reason": "lose_by_follower",
                    "at": stated("10:10"),
                },
                {
                    "id": "user.score_updated:9161",
                    "kind": "reputation",
                    "delta": 5,
                    "balance": 10,
                    "reason": "gain_by_upvoted",
                    "at": stated("10:00"),
                },
            ],
        },
    ),
    Rows(
        "42",
        "status b is blocked",
        _WHO
        | {
            "sub": "42",
            "status": "blocked",
            "complete": True,
            "profile": {
                "name": "Ben Okafor",
                "preferred_username": "ben",
                "email": "ben@example.com",
                "email_verified": True,
            },
            "attributes": {
                "date_joined": stated("07:00"),
                "tags": [],
                "reputation": 0,
                "counters": {"followers_counter": 0},
            },
            "settings": {},
            "created_at": stated("08:05"),
            "updated_at": stated("11:00"),
            "as_of": micros("11:00"),
            "stamps": {},
        },
    ),
    Rows(
        "43",
        "gone, with her loyalty row; what came after did not revive her",
        _WHO | {"sub": "43", "status": "deleted", "deleted_at": stated("12:00")},
        loyalty=TOMBSTONE,
    ),
)

SELFCOMMUNITY: Final = Story(
    "selfcommunity",
    "selfcommunity/harbour/",
    _BODIES,
    _ROWS,
    Counts(received=22, emitted=15, skipped=2, dead=5, events=15, distinct=14),
    second_act="Chiara leaves",
    highlight="Ada loses a follower; the score is text",
)
