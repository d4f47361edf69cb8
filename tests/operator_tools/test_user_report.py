"""How a user is shown."""

import json

from app.canonical import encode_event
from app.state import Rows, fold
from app.tools.users.key_dead_letters import dead_letter_of
from app.tools.users.key_events import KeyEvent
from app.tools.users.shown import printable
from app.tools.users.user_key import UserKey
from app.tools.users.user_report import UserReport, as_json, as_lines
from tests.operator_tools.records import Told
from tests.state.events import full

ADA = full(1, user={"name": "Ada \x9b\N{RIGHT-TO-LEFT OVERRIDE}"})


def report() -> UserReport:
    events = [KeyEvent(3, 5, encode_event(ADA), ADA), KeyEvent(4, -1, b"x" * 3000, None)]
    dead = [
        dead_letter_of(0, Told(None, value, [("x-vendor", b"magine"), ("x-reason", b"schema")]), "id")
        for value in (b"\xff", None, b"text")
    ]
    rows = fold([ADA])["magine/acme/7"]
    return UserReport(UserKey("magine", "acme", "7"), 2, ("events", "dead"), rows, events, dead)


def test_people_see_all_of_it_and_no_character_moves_the_cursor() -> None:
    text = as_lines(report())
    lines = text.splitlines()
    assert lines[0] == "magine/acme/7, partition 2"
    assert "loyalty row: none" in lines
    assert "events in events: 2" in lines
    assert "  offset 4, written without a timestamp: no canonical event" in lines
    assert "... (3000 bytes)" in text
    assert text.replace("\n", "").isprintable()
    assert "Ada \\u{9b}\\u{202e}" in text
    assert printable("Ada") == "Ada"


def test_programs_read_one_line() -> None:
    text = as_json(report())
    assert text.count("\n") == 1
    told = json.loads(text)
    assert told["user"]["profile"]["name"] == ADA.data.user["name"]
    assert told["events"][0]["event"]["type"] == "user.updated"
    assert told["events"][1]["event"] == "x" * 3000
    assert [each.get("value", each.get("value_base64")) for each in told["dead_letters"]] == [
        "/w==",
        None,
        "text",
    ]
    empty = json.loads(as_json(report()._replace(rows=Rows(None, None))))
    assert (empty["user"], empty["loyalty"]) == (None, None)
