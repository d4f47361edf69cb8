"""Rocket.Chat's dates: all fields with a date accept the same forms, in the mapper and in the schema."""

import json
from typing import Any

import pytest

from app.canonical import Event
from app.outcome import Dead, Emit
from tests.schemas.validation import accepts
from tests.vendors.records import ROCKETCHAT, as_read, event_of, outcome_of

SCHEMA = "rocketchat-body"
INSTANT = "2024-11-19T07:06:40.001000Z"
# All of these are the time INSTANT.
DATES: dict[str, Any] = {
    "text": "2024-11-19T07:06:40.001Z",
    "text with an offset": "2024-11-19T08:06:40.001+01:00",
    "milliseconds": {"$date": 1732000000001},
    "decimal milliseconds": {"$date": 1732000000001.0},
    "more than milliseconds": {"$date": 1732000000001.0004},
    "text in EJSON": {"$date": "2024-11-19T07:06:40.001Z"},
    "long": {"$date": {"$numberLong": "1732000000001"}},
    "long with a leading zero": {"$date": {"$numberLong": "01732000000001"}},
    "long with more members": {"$date": {"$numberLong": "1732000000001", "x": 1}, "y": 2},
}
# No field can use these.
NO_DATES: dict[str, Any] = {
    "number": 1732000000001,
    "boolean": True,
    "list": [],
    "empty object": {},
    "another member": {"date": 1732000000001},
    "long alone": {"$numberLong": "1732000000001"},
    "null in EJSON": {"$date": None},
    "boolean in EJSON": {"$date": False},
    "list in EJSON": {"$date": [1732000000001]},
    "empty object in EJSON": {"$date": {}},
    "double in EJSON": {"$date": {"$numberDouble": "1732000000001"}},
    "date in EJSON": {"$date": {"$date": 1732000000001}},
    "long of a number": {"$date": {"$numberLong": 1732000000001}},
    "long of null": {"$date": {"$numberLong": None}},
    "long of a long": {"$date": {"$numberLong": {"$numberLong": "1732000000001"}}},
    "empty long": {"$date": {"$numberLong": ""}},
    "minus alone": {"$date": {"$numberLong": "-"}},
    "two minuses": {"$date": {"$numberLong": "--1"}},
    "plus": {"$date": {"$numberLong": "+1732000000001"}},
    "blank before": {"$date": {"$numberLong": " 1732000000001"}},
    "line break behind": {"$date": {"$numberLong": "1732000000001\n"}},
    "underscore": {"$date": {"$numberLong": "1_732_000_000_001"}},
    "exponent": {"$date": {"$numberLong": "1e12"}},
    "decimal": {"$date": {"$numberLong": "1732000000001.0"}},
    "hexadecimal": {"$date": {"$numberLong": "0x1f"}},
    "other digits": {"$date": {"$numberLong": "١٧٣٢"}},
    "RFC 3339": {"$date": {"$numberLong": "2024-11-19T07:06:40.001Z"}},
    "thousands of digits": {"$date": {"$numberLong": "1" * 5_000}},
}
FAR_OFF: dict[str, Any] = {
    "milliseconds": {"$date": 10**17},
    "before the calendar": {"$date": -(10**17)},
    "long": {"$date": {"$numberLong": "9223372036854775807"}},
    "long before the calendar": {"$date": {"$numberLong": "-9223372036854775808"}},
    "longer than 64 bits": {"$date": {"$numberLong": "9" * 300}},
}
CREATION = {"$date": {"$numberLong": "1700000000000"}}
OCCURRED = "2025-11-20T10:00:00Z"


def body_with(path: str, date: object) -> bytes:
    event = "IPostUserUpdated"
    user: dict[str, Any] = {"id": "u-1", "createdAt": CREATION}
    envelope: dict[str, Any] = {"occurredAt": OCCURRED}
    match path:
        case "occurredAt":
            envelope["occurredAt"] = date
        case "updatedAt":
            user["updatedAt"] = date
            del envelope["occurredAt"]
        case _:
            event = "IPostUserLoggedIn"
            user[path] = date
    context = user if event == "IPostUserLoggedIn" else {"user": user}
    return json.dumps({"event": event, "eventId": "e-1", **envelope, "context": context}).encode()


def found(path: str, event: Event) -> object:
    if path in ("occurredAt", "updatedAt"):
        assert event.timesource == ("event" if path == "occurredAt" else "row")
        return event.time
    attributes = event.data.attributes or {}
    return attributes.get("created_at" if path == "createdAt" else "last_login_at")


TIMES = ["occurredAt", "updatedAt"]
CARRIED = ["createdAt", "lastLoginAt"]


@pytest.mark.parametrize("path", [*TIMES, *CARRIED])
@pytest.mark.parametrize("form", DATES)
def test_a_date_has_the_same_forms_everywhere(path: str, form: str) -> None:
    body = body_with(path, DATES[form])
    outcome = outcome_of(ROCKETCHAT, body)
    assert isinstance(outcome, Emit)
    assert outcome.left_out == ()
    assert found(path, as_read(outcome.events[0])) == INSTANT
    assert accepts(SCHEMA, json.loads(body))


@pytest.mark.parametrize("event", ["Created", "Updated", "Deleted", "LoggedIn", "LoggedOut", "StatusChanged"])
@pytest.mark.parametrize("form", DATES)
def test_every_event_tells_its_time_in_every_form(event: str, form: str) -> None:
    user = {"id": "u-1"}
    context = user if event.startswith("Logged") else {"user": user, "currentStatus": "away"}
    body = {"event": f"IPostUser{event}", "occurredAt": DATES[form], "context": context}
    assert event_of(ROCKETCHAT, json.dumps(body).encode()).time == INSTANT
    assert accepts(SCHEMA, body)


@pytest.mark.parametrize("path", TIMES)
@pytest.mark.parametrize("form", NO_DATES)
def test_what_is_no_date_is_refused_where_it_is_the_clock(path: str, form: str) -> None:
    body = body_with(path, NO_DATES[form])
    outcome = outcome_of(ROCKETCHAT, body)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "schema"
    assert not accepts(SCHEMA, json.loads(body))


@pytest.mark.parametrize("path", TIMES)
@pytest.mark.parametrize("form", FAR_OFF)
def test_a_date_beyond_the_calendar_is_a_bad_time(path: str, form: str) -> None:
    outcome = outcome_of(ROCKETCHAT, body_with(path, FAR_OFF[form]))
    assert isinstance(outcome, Dead)
    assert outcome.reason == "bad_time"


@pytest.mark.parametrize("path", CARRIED)
@pytest.mark.parametrize("date", [*NO_DATES.values(), *FAR_OFF.values()], ids=[*NO_DATES, *FAR_OFF])
def test_an_unusable_date_that_is_only_carried_is_left_out_and_counted(path: str, date: object) -> None:
    outcome = outcome_of(ROCKETCHAT, body_with(path, date))
    assert isinstance(outcome, Emit)
    assert outcome.left_out == (path,)
    event = as_read(outcome.events[0])
    assert found(path, event) is None
    # An unreadable creation date counts as absent: it does not turn a stub into a whole user.
    assert event.data.snapshot == ("partial" if path == "createdAt" else "full")
