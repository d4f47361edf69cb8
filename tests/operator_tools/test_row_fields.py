"""What operators set and clear in a row."""

from typing import Any

import msgspec
import pytest

from app.canonical import decode_event
from app.state import NO_ROWS, Rows, UserRow, apply, fold
from app.tools.users.operator_event import Signature, update_of
from app.tools.users.row_changes import fields_of_row, value_changes
from app.tools.users.row_fields import ATTRIBUTES, BadField, Changes, parse_changes
from app.tools.users.user_key import UserKey
from app.vendors import VENDORS
from tests.docs.test_closed_sets import TITLES, events, names, table
from tests.state.events import full, micros, partial

USER = UserKey("magine", "acme", "7")


@pytest.mark.parametrize(
    ("vendor", "text", "json", "values"),
    [
        ("magine", ["profile.email=a=b@example.com"], [], {"profile.email": "a=b@example.com"}),
        ("magine", ["profile.email_verified=true"], [], {"profile.email_verified": True}),
        ("magine", ["profile.address.country=SE"], [], {"profile.address.country": "SE"}),
        ("magine", ["attributes.email_opt_in=false"], [], {"attributes.email_opt_in": False}),
        ("magine", [], ['attributes.tags=["a","b"]'], {"attributes.tags": ["a", "b"]}),
        ("selfcommunity", ["attributes.role=admin"], [], {"attributes.role": "admin"}),
        ("selfcommunity", [], ['attributes.role=["admin"]'], {"attributes.role": ["admin"]}),
        ("selfcommunity", ["settings.qa_frequency=3"], [], {"settings.qa_frequency": 3}),
        ("selfcommunity", ["attributes.tags=[1]"], [], {"attributes.tags": [1]}),
        ("rocketchat", ["attributes.utc_offset=-3.5"], [], {"attributes.utc_offset": -3.5}),
        ("amity", ["status=blocked"], [], {"status": "blocked"}),
        ("fynd", ["attributes.company_id=1"], [], {"attributes.company_id": "1"}),
        ("fynd", [], ["attributes.company_id=1"], {"attributes.company_id": 1}),
    ],
)
def test_values_have_the_type_of_their_field(
    vendor: str, text: list[str], json: list[str], values: dict[str, Any]
) -> None:
    assert parse_changes(vendor, text, json, []).values == values


@pytest.mark.parametrize(
    ("vendor", "text", "json", "cleared", "expected"),
    [
        ("magine", ["profile.email"], [], [], "expected a field, = and a value"),
        ("magine", ["email=a"], [], [], "email is no field of a row of magine"),
        ("magine", ["profile.sub=a"], [], [], "profile.sub is no field"),
        ("magine", ["profile.address=a"], [], [], "profile.address is no field"),
        ("magine", ["profile.updated_at=a"], [], [], "is no field"),
        ("magine", ["\x1b[1m=a"], [], [], "^this is no field"),
        ("magine", ["attributes.bio=a"], [], [], "attributes.bio is no field of a row of magine"),
        ("magine", ["settings.x=1"], [], [], "settings.x is no field"),
        ("selfcommunity", ["settings.=1"], [], [], "is no field"),
        ("magine", ["profile.email="], [], [], "expected a value; --clear"),
        ("magine", ["profile.email=\udcff"], [], [], "expected UTF-8"),
        ("magine", [], ["profile.email=7"], [], "profile.email: expected JSON of the type"),
        ("magine", [], ["profile.email=null"], [], "profile.email: expected JSON"),
        ("magine", ["profile.email_verified=yes"], [], [], "expected true or false"),
        ("magine", ["attributes.tags=a"], [], [], "expected JSON, by --set-json"),
        ("selfcommunity", ["settings.x=1.5"], [], [], "expected an integer"),
        ("selfcommunity", ["attributes.tags=null"], [], [], "expected a value"),
        ("rocketchat", ["attributes.utc_offset=x"], [], [], "expected a number"),
        ("magine", ["status=deleted"], [], [], "rollcall forget"),
        ("magine", [], [], ["status"], "status cannot be cleared"),
        ("magine", [], [], ["presence"], "presence is no field"),
        ("magine", ["profile.name=a"], [], ["profile.name"], "profile.name is named twice"),
        ("magine", ["profile.address.country=SE"], [], ["profile.address"], "a member of it is named too"),
    ],
)
def test_what_no_event_of_the_vendor_could_say_is_refused(
    vendor: str, text: list[str], json: list[str], cleared: list[str], expected: str
) -> None:
    with pytest.raises(BadField, match=expected) as refused:
        parse_changes(vendor, text, json, cleared)
    assert "\x1b" not in str(refused.value)


def row(*changes: Changes, restore: bool = False) -> UserRow:
    before = fold(
        [
            full(
                1,
                user={"name": "Ada", "email": "a@example.com", "address": {"country": "SE", "region": "X"}},
                attributes={"tags": ["x"]},
                settings={"qa": 1},
                status="active",
            ),
            partial(2, user={"locale": "sv"}),
        ]
    )["magine/acme/7"].user
    assert isinstance(before, UserRow)
    rows = NO_ROWS if restore else Rows(before, None)
    for number, change in enumerate(changes):
        data = change.full("7", before) if restore else change.partial("7")
        event = decode_event(update_of(USER, micros(10 + number), data, Signature("op", "x")))
        user, loyalty, _ = apply(event, *rows)
        rows = Rows(user, loyalty)
    found = rows[0]
    assert isinstance(found, UserRow)
    return found


@pytest.mark.parametrize("restore", [False, True])
@pytest.mark.parametrize(
    ("values", "gone"),
    [
        ({"profile.email": "b@example.com", "profile.address.region": None}, {"profile.address.region"}),
        ({"profile.address": None}, {"profile.address.country", "profile.address.region"}),
        (
            {"attributes.tags": None, "settings.qa": None, "status": "blocked"},
            {"attributes.tags", "settings.qa"},
        ),
        ({"profile.address.postal_code": "1", "profile.name": None, "settings.new": 2}, {"profile.name"}),
    ],
)
def test_an_event_sets_and_clears_exactly_what_it_names(
    values: dict[str, Any], gone: set[str], restore: bool
) -> None:
    before, after = fields_of_row(row()), fields_of_row(row(Changes(values), restore=restore))
    wanted = before | {name: value for name, value in values.items() if value is not None}
    assert after == {name: value for name, value in wanted.items() if name not in gone}


def test_a_snapshot_of_nothing_but_what_is_set() -> None:
    data = Changes({"profile.name": "Ada", "status": "active"}).full("7", None)
    assert (data.user, data.snapshot, data.status) == ({"sub": "7", "name": "Ada"}, "full", "active")


def test_the_changes_are_told_by_name_with_both_values() -> None:
    changed = value_changes(row(), row(Changes({"profile.email": None, "attributes.tags": ["y"]})))
    assert [str(each) for each in changed] == [
        'attributes.tags: ["x"] -> ["y"]',
        'profile.email: "a@example.com" -> none',
    ]
    assert msgspec.json.decode(msgspec.json.encode([each.as_json() for each in changed])) == [
        {"name": "attributes.tags", "before": ["x"], "after": ["y"]},
        {"name": "profile.email", "before": "a@example.com", "after": None},
    ]


def test_the_attributes_are_those_of_the_mappers() -> None:
    assert list(ATTRIBUTES) == list(VENDORS)
    for told in table("events.md", "Attributes"):
        text = told[1].replace("(text)", "")
        assert set(ATTRIBUTES[TITLES[told[0]]]) <= set(names(text)), told[0]
    for vendor in VENDORS:
        seen = {name for event in events(vendor) for name in event["data"].get("attributes", ())}
        assert set(ATTRIBUTES[vendor]) == seen


@pytest.mark.parametrize("vendor", VENDORS)
def test_what_a_mapper_has_said_can_be_set(vendor: str) -> None:
    import json

    for event in events(vendor):
        data = event["data"]
        claims = {f"profile.{n}": v for n, v in data["user"].items() if n not in ("sub", "address")}
        values = claims | {f"attributes.{n}": v for n, v in data.get("attributes", {}).items()}
        said = {name: value for name, value in values.items() if value not in (None, "")}
        arguments = [f"{name}={json.dumps(value)}" for name, value in said.items()]
        assert parse_changes(vendor, [], arguments, []).values == said
