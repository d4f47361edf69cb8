"""Magine: partial updates, merged field by field; the event id stands in the header `webhook-id`."""

from typing import Any, Final

from app.demo.day import iso, micros, stated
from app.demo.story import (
    MEBIBYTE,
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

_WHO: Final = {"vendor": "magine", "tenant": "nordlys"}
_JONAS, _KAJA, _MIKKO = "007J0NASUSR", "00K4JA7QUSR", "007M1KK0USR"


def _event(kind: str, clock: str, /, **data: Any) -> bytes:
    return encoded({"type": kind, "timestamp": iso(clock), "data": data})


def _body(text: str, key: str, value: bytes | None, outcome: Emits | Skips | Dies, delivery: str) -> Body:
    return Body(text, key, value, outcome, headers=header(tenant="nordlys", webhook_id=delivery))


_CREATED = _event(
    "user.created",
    "08:00",
    userId=_JONAS,
    name="Jonas Lind",
    country="SE",
    locale="sv",
    email="jonas@example.com",
    emailOptIn=True,
    mobilePhone="",
    tags=["trial"],
    birthDate="1990-12-24",
    gender="male",
    zipCode="01234",
)

_BODIES: Final = (
    _body("Jonas registers", _JONAS, _CREATED, emits("user.created", _JONAS), "msg_2001"),
    Body(
        "the vendor retries Jonas's registration",
        _JONAS,
        _CREATED,
        emits("user.created", _JONAS, "unchanged"),
        headers=header(tenant="nordlys", webhook_id="msg_2001"),
        repeats=True,
    ),
    _body(
        "Jonas changes his name and e-mail",
        _JONAS,
        _event(
            "user.updated",
            "10:00",
            userId=_JONAS,
            name="Jonas Lindqvist",
            email="jonas.lindqvist@example.com",
            emailBeforeUpdate="jonas@example.com",
        ),
        emits("user.updated", _JONAS),
        "msg_2010",
    ),
    _body(
        "an older update of Jonas arrives late: its locale is news, its name is not",
        _JONAS,
        _event("user.updated", "09:00", userId=_JONAS, name="Jonas L.", locale="en", mobilePhone=""),
        emits("user.updated", _JONAS),
        "msg_2007",
    ),
    _body(
        "a still older one, with nothing new",
        _JONAS,
        _event("user.updated", "08:30", userId=_JONAS, name="J. Lind", locale="nb"),
        emits("user.updated", _JONAS, "stale"),
        "msg_2005",
    ),
    _body(
        "Jonas removes his postal code",
        _JONAS,
        _event("user.updated", "10:30", userId=_JONAS, zipCode=None),
        emits("user.updated", _JONAS),
        "msg_2012",
    ),
    _body(
        "an update of Kaja, whom nobody has introduced",
        _KAJA,
        _event("user.updated", "09:10", userId=_KAJA, name="Kaja Berg", country="NO", emailOptIn=False),
        emits("user.updated", _KAJA),
        "msg_2008",
    ),
    _body(
        "Mikko registers",
        _MIKKO,
        _event("user.created", "08:10", userId=_MIKKO, name="Mikko Salo", email="mikko@example.com"),
        emits("user.created", _MIKKO),
        "msg_2003",
    ),
    _body(
        "Mikko leaves",
        _MIKKO,
        _event("user.deleted", "12:00", userId=_MIKKO, email="mikko@example.com"),
        emits("user.deleted", _MIKKO),
        "msg_2020",
    ),
    _body(
        "an update of Mikko from before arrives late",
        _MIKKO,
        _event("user.updated", "11:00", userId=_MIKKO, name="Mikko S."),
        emits("user.updated", _MIKKO, "after_deletion"),
        "msg_2015",
    ),
    _body(
        "an update of Mikko from after, but only a partial one",
        _MIKKO,
        _event("user.updated", "13:00", userId=_MIKKO, locale="fi"),
        emits("user.updated", _MIKKO, "after_deletion"),
        "msg_2025",
    ),
    _body(
        "a purchase: another family",
        _JONAS,
        _event("monetization.purchased", "11:30", userId=_JONAS),
        Skips("other_family"),
        "msg_2018",
    ),
    _body("a null value", "99", None, Skips("tombstone"), "msg_2099"),
    _body("an empty body", "bad", b"", Dies("not_json"), "msg_2091"),
    _body(
        "a user without an id",
        "bad",
        _event("user.updated", "11:05", name="Nobody"),
        Dies("schema", "$.data.userId"),
        "msg_2092",
    ),
    _body(
        "a log-in, which this vendor does not have",
        "bad",
        _event("user.logged_in", "11:10", userId=_JONAS),
        Dies("unknown_event", "$.type"),
        "msg_2093",
    ),
    _body(
        "the time that a clock without a battery shows",
        "bad",
        encoded(
            {"type": "user.updated", "timestamp": "1970-01-01T00:00:07.000Z", "data": {"userId": _JONAS}}
        ),
        Dies("bad_time", "$.timestamp"),
        "msg_2094",
    ),
    _body(
        "a name of a mebibyte",
        "bad",
        _event("user.updated", "11:20", userId=_JONAS, name="x" * MEBIBYTE),
        Dies("too_large"),
        "msg_2095",
    ),
)

_ROWS: Final = (
    Rows(
        _JONAS,
        "each field from the newest event that names it; the postal code is cleared",
        _WHO
        | {
            "sub": _JONAS,
            "complete": True,
            "profile": {
                "name": "Jonas Lindqvist",
                "email": "jonas.lindqvist@example.com",
                "gender": "male",
                "birthdate": "1990-12-24",
                "locale": "en",
                "address": {"country": "SE"},
            },
            "attributes": {"email_opt_in": True, "country": "SE", "tags": ["trial"]},
            "settings": {},
            "created_at": stated("08:00"),
            "updated_at": stated("10:30"),
            "as_of": micros("08:00"),
            "stamps": {
                "profile.name": micros("10:00"),
                "profile.email": micros("10:00"),
                "profile.locale": micros("09:00"),
                "profile.address.postal_code": micros("10:30"),
            },
        },
    ),
    Rows(
        _KAJA,
        "not complete: no full snapshot yet",
        _WHO
        | {
            "sub": _KAJA,
            "complete": False,
            "profile": {"name": "Kaja Berg", "address": {"country": "NO"}},
            "attributes": {"email_opt_in": False, "country": "NO"},
            "settings": {},
            "updated_at": stated("09:10"),
            "stamps": {
                "profile.name": micros("09:10"),
                "profile.address.country": micros("09:10"),
                "attributes.email_opt_in": micros("09:10"),
                "attributes.country": micros("09:10"),
            },
        },
    ),
    Rows(
        _MIKKO,
        "gone; neither the late nor the partial update revived him",
        _WHO | {"sub": _MIKKO, "status": "deleted", "deleted_at": stated("12:00")},
    ),
)

MAGINE: Final = Story(
    "magine",
    "magine/nordlys/",
    _BODIES,
    _ROWS,
    Counts(received=18, emitted=11, skipped=2, dead=5, events=11, distinct=10),
    second_act="Mikko leaves",
    highlight="Jonas changes his name and e-mail",
)
