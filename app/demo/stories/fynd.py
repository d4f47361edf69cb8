"""Fynd: two envelopes, twins of every field, several users a message; the tenant is company.application."""

from typing import Any, Final

from app.demo.day import iso, micros, millis, stated
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
    header,
)

_APPLICATION: Final = "64aa0c7e5d0000000000b001"
_WHO: Final = {"vendor": "fynd", "tenant": f"7.{_APPLICATION}"}
_DEVIKA, _FARID, _GITA = "6487fc9f66a6031a8b68d001", "6487fc9f66a6031a8b68f002", "6487fc9f66a6031a8b689003"
_HUGO, _INES, _IVO = "6487fc9f66a6031a8b68a004", "6487fc9f66a6031a8b68b005", "6487fc9f66a6031a8b68b006"


def _user(sub: str, first: str, last: str, updated: str, **changes: Any) -> dict[str, Any]:
    """`payload[].user` (vendors.md 2.2): most of its twins, and a picture that is everybody's."""
    email = {"active": True, "primary": True, "verified": True, "email": f"{first.lower()}@example.com"}
    user = {
        "gender": "female" if first in ("Devika", "Gita", "Ines") else None,
        "accountType": "user",
        "account_type": "user",
        "active": True,
        "archive": False,
        "status": "activated",
        "profilePicUrl": "/addsale/misc/default-assets/original/default-user-profile.png",
        "_id": sub,
        "userId": sub,
        "user_id": sub,
        "applicationId": _APPLICATION,
        "application_id": _APPLICATION,
        "firstName": first,
        "first_name": first,
        "lastName": last,
        "last_name": last,
        "emails": [email],
        "username": f"{first.lower()}_example_com_31354_{_APPLICATION}",
        "createdAt": iso("07:30"),
        "created_at": iso("07:30"),
        "updatedAt": iso(updated),
        "updated_at": iso(updated),
        "is_created": True,
    }
    return user | changes


def _legacy(kind: str, clock: str, user: dict[str, Any]) -> bytes:
    """Envelope A; its trace ids are the same for different events."""
    meta = {
        "job_type": "users",
        "action": "delete" if kind == "delete" else "upsert",
        "trace_id": ["deadlock.043dbfb0-09aa-11ee-afa1-21e8b63e081b"],
        "event": {"name": "user", "type": kind, "version": "1"},
        "company_id": 7,
        "created_timestamp": millis(clock),
        "application_id": [_APPLICATION],
    }
    payload = [{"user": user, "socialAccounts": []}]
    return encoded({"meta": meta, "payload": payload, "user_id": user.get("user_id", "")})


def _partner(event_id: str, kind: str, clock: str, *users: dict[str, Any], name: str = "user") -> bytes:
    """Envelope B."""
    event = {"category": "application", "name": name, "type": kind, "version": "1", "id": event_id}
    return encoded(
        {
            "event": event | {"created_timestamp": millis(clock)},
            "company_id": 7,
            "application_id": _APPLICATION,
            "contains": ["user"],
            "payload": [{"user": user} for user in users],
        }
    )


_PHONES = [{"active": True, "primary": True, "verified": True, "phone": "9812345670", "countryCode": 91}]
_CREATED = _legacy("create", "08:01", _user(_DEVIKA, "Devika", "Rao", "08:00"))
_HUGE = f"data:image/png;base64,{'A' * MEBIBYTE}"
_BAD_CLOCK = _user(_FARID, "Farid", "Haddad", "08:05")
del _BAD_CLOCK["updated_at"], _BAD_CLOCK["updatedAt"]


def _bad_clock() -> bytes:
    body = _legacy("update", "11:15", _BAD_CLOCK)
    return body.replace(str(millis("11:15")).encode(), str(millis("11:15") // 1000).encode())


_BODIES: Final = (
    Body(
        "Devika signs up, in the older envelope",
        _DEVIKA,
        _CREATED,
        emits("user.created", _DEVIKA),
        header(x_fp_event_id="evt-5001"),
    ),
    Body(
        "the vendor retries Devika's sign-up",
        _DEVIKA,
        _CREATED,
        emits("user.created", _DEVIKA, "unchanged"),
        header(x_fp_event_id="evt-5001"),
        repeats=True,
    ),
    Body(
        "Devika gives a phone number, spelled in camelCase only",
        _DEVIKA,
        _legacy("update", "10:01", _user(_DEVIKA, "Devika", "Rao-Iyer", "10:00", phoneNumbers=_PHONES)),
        emits("user.updated", _DEVIKA),
        header(x_fp_event_id="evt-5020"),
    ),
    Body(
        "an older update of Devika is resent after a blocked subscriber came back",
        _DEVIKA,
        _legacy("update", "09:01", _user(_DEVIKA, "Devi", "Rao", "09:00")),
        emits("user.updated", _DEVIKA, "stale"),
        header(x_fp_event_id="evt-5011"),
    ),
    Body(
        "Farid signs up, in the newer envelope",
        _FARID,
        _partner("evt-5002", "create", "08:05", _user(_FARID, "Farid", "Haddad", "08:05")),
        emits("user.created", _FARID),
    ),
    Body(
        "Farid is blocked",
        _FARID,
        _partner("evt-5030", "update", "11:00", _user(_FARID, "Farid", "Haddad", "11:00", active=False)),
        emits("user.updated", _FARID),
    ),
    Body(
        "Gita signs up",
        _GITA,
        _partner("evt-5003", "create", "08:10", _user(_GITA, "Gita", "Menon", "08:10")),
        emits("user.created", _GITA),
    ),
    Body(
        "Gita leaves; the user looks alive, its row untouched since the morning",
        _GITA,
        _legacy("delete", "12:00", _user(_GITA, "Gita", "Menon", "08:10")),
        emits("user.deleted", _GITA),
        header(x_fp_event_id="evt-5040"),
    ),
    Body(
        "an update of Gita from before arrives late",
        _GITA,
        _partner("evt-5035", "update", "11:31", _user(_GITA, "Gita", "Menon", "11:30")),
        emits("user.updated", _GITA, "after_deletion"),
    ),
    Body(
        "Hugo is archived",
        _HUGO,
        _partner("evt-5041", "update", "12:10", _user(_HUGO, "Hugo", "Klein", "12:05", archive=True)),
        emits("user.deleted", _HUGO),
    ),
    Body(
        "Hugo is restored",
        _HUGO,
        _partner("evt-5050", "update", "13:00", _user(_HUGO, "Hugo", "Klein", "13:00")),
        emits("user.updated", _HUGO),
    ),
    Body(
        "Ines and Ivo in one message",
        "batch",
        _partner(
            "evt-5031",
            "update",
            "11:40",
            _user(_INES, "Ines", "Costa", "11:39"),
            _user(_IVO, "Ivo", "Costa", "11:38"),
        ),
        Emits((Said("user.updated", _INES), Said("user.updated", _IVO))),
    ),
    Body("a ping", "ping", _partner("evt-1", "ping", "07:00", name="ping"), Skips("ping")),
    Body("an update of nobody", "batch", _partner("evt-5032", "update", "11:41"), Skips("no_users")),
    Body(
        "an order: another family",
        "order",
        _partner("evt-7001", "create", "11:42", name="order"),
        Skips("other_family"),
    ),
    Body("a null value", "99", None, Skips("tombstone")),
    Body(
        "the documentation's delete sample, with its trailing comma",
        "bad",
        _legacy("delete", "11:05", _user(_FARID, "Farid", "Haddad", "08:05"))[:-1] + b",}",
        Dies("not_json"),
    ),
    Body(
        "a user without an id",
        "bad",
        _partner("evt-5033", "update", "11:06", {"first_name": "Nobody", "updated_at": iso("11:06")}),
        Dies("schema", "$.payload[...].user.user_id"),
    ),
    Body(
        "a merge of users, which nobody documented",
        "bad",
        _partner("evt-5034", "merge", "11:10", _user(_FARID, "Farid", "Haddad", "11:10")),
        Dies("unknown_event", "$.event.type"),
    ),
    Body(
        "seconds for milliseconds", "bad", _bad_clock(), Dies("bad_time", "$.(meta|event).created_timestamp")
    ),
    Body(
        "a picture of a mebibyte, as a data URL",
        "bad",
        _partner(
            "evt-5036", "update", "11:20", _user(_FARID, "Farid", "Haddad", "11:20", profilePicUrl=_HUGE)
        ),
        Dies("too_large"),
    ),
)


def _row(sub: str, first: str, last: str, updated: str, **changes: Any) -> dict[str, Any]:
    """The row after the last update, of which everything that the updates have in common stands here."""
    address = f"{first.lower()}@example.com"
    profile = {"name": f"{first} {last}", "given_name": first, "family_name": last}
    row: dict[str, Any] = _WHO | {
        "sub": sub,
        "status": "active",
        "complete": True,
        "profile": profile | {"email": address, "email_verified": True},
        "attributes": {
            "company_id": 7,
            "application_id": _APPLICATION,
            "account_type": "user",
            "emails": [{"email": address, "active": True, "primary": True, "verified": True}],
            "created_at": stated("07:30"),
        },
        "settings": {},
        "updated_at": stated(updated),
        "as_of": micros(updated),
        "stamps": {},
    }
    if "phone" in changes:
        row["attributes"]["phone_numbers"] = [changes.pop("phone")]
    row["profile"] |= changes.pop("profile", {})
    return row | changes


_ROWS: Final = (
    Rows(
        _DEVIKA,
        "ordered by the row's own time, not by arrival",
        _row(
            _DEVIKA,
            "Devika",
            "Rao-Iyer",
            "10:00",
            created_at=stated("08:00"),
            profile={"gender": "female", "phone_number": "+919812345670", "phone_number_verified": True},
            phone={
                "phone": "9812345670",
                "country_code": 91,
                "active": True,
                "primary": True,
                "verified": True,
            },
        ),
    ),
    Rows(
        _FARID,
        "active: false is blocked",
        _row(_FARID, "Farid", "Haddad", "11:00", created_at=stated("08:05"), status="blocked"),
    ),
    Rows(
        _GITA,
        "deleted by the event's name, at the event's time",
        _WHO | {"sub": _GITA, "status": "deleted", "deleted_at": stated("12:00")},
    ),
    Rows(
        _HUGO,
        "a newer full snapshot brings a user back; the deletion is remembered",
        _row(_HUGO, "Hugo", "Klein", "13:00", deleted_at=stated("12:10")),
    ),
    Rows(
        _INES,
        "first of two in a message",
        _row(_INES, "Ines", "Costa", "11:39", profile={"gender": "female"}),
    ),
    Rows(_IVO, "second of two in a message", _row(_IVO, "Ivo", "Costa", "11:38")),
)

FYND: Final = Story(
    "fynd",
    f"fynd/7.{_APPLICATION}/",
    _BODIES,
    _ROWS,
    Counts(received=21, emitted=12, skipped=4, dead=5, events=13, distinct=12),
    second_act="Gita leaves; the user looks alive, its row untouched since the morning",
    highlight="Gita leaves; the user looks alive, its row untouched since the morning",
)
