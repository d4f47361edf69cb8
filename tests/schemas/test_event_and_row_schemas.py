"""The schemas of events, rows and dead letters fit everything that the fixtures become, and name no more."""

import json
from collections.abc import Iterator
from typing import Any, get_args

import pytest

from app.canonical import DATA_SCHEMA, EVENT_TYPES, decode_event
from app.outcome import DEAD_REASONS
from app.schemas.closed_sets import closed_sets_schema
from app.schemas.event_schema import event_schema
from app.schemas.struct_schema import described
from app.schemas.user_values import ATTRIBUTES, CLAIMS
from app.state import EFFECTS, Rows, encode_loyalty, encode_user, fold
from app.state.rules.rows import Kind
from app.vendors import VENDORS
from tests.docs.dead_letter_example import dead_letter_headers
from tests.schemas.validation import accepts, paths
from tests.vendors.fixtures import Fixture, fixtures_of

Json = dict[str, Any]


def fixtures() -> Iterator[Fixture]:
    for vendor in VENDORS:
        yield from fixtures_of(vendor)


def events() -> Iterator[Json]:
    for fixture in fixtures():
        yield from fixture.outcome.get("events", ())


def all_rows() -> Iterator[Rows]:
    """Yields the rows of each event alone, and of all events together."""
    decoded = [decode_event(json.dumps(event).encode()) for event in events()]
    for event in decoded:
        yield from fold([event]).values()
    yield from fold(decoded).values()


def test_every_event_of_the_fixtures_is_valid() -> None:
    assert {event["type"] for event in events()} == set(EVENT_TYPES)
    for fixture in fixtures():
        for event in fixture.outcome.get("events", ()):
            assert paths("event", event) == [], fixture.sentence


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("specversion", "0.3"),
        ("type", "user.merged"),
        ("time", "2021-07-05T07:46:49Z"),
        ("time", "2021-07-05T07:46:49.139224+00:00"),
        ("dataschema", "urn:rollcall:user-event:2"),
        ("data", {"snapshot": "full"}),
        ("data", {"snapshot": "half", "user": {"sub": "42"}}),
        ("data", {"snapshot": "full", "user": {"sub": " Null "}}),
        ("data", {"snapshot": "full", "user": {"sub": 42}}),
        ("data", {"snapshot": "full", "user": {"sub": "42", "email": ["ada@example.com"]}}),
        ("data", {"snapshot": "full", "user": {"sub": "42"}, "status": None}),
    ],
)
def test_a_wrong_event_is_invalid(path: str, value: Any) -> None:
    event = next(events())
    assert accepts("event", event)
    assert not accepts("event", {**event, path: value})
    assert not accepts("event", {name: member for name, member in event.items() if name != path}) or (
        path == "dataschema"
    )


def test_claims_and_attributes_are_those_of_the_fixtures() -> None:
    found = list(events())
    assert {name for event in found for name in event["data"]["user"]} == {"sub", *CLAIMS}
    assert {name for event in found for name in event["data"].get("attributes", ())} == set(ATTRIBUTES)


def test_every_row_is_valid_and_of_one_kind() -> None:
    kinds = {"user-row": 0, "deletion-marker": 0, "loyalty-row": 0}
    for rows in all_rows():
        if rows.user is not None:
            row = json.loads(encode_user(rows.user))
            accepted = [name for name in ("user-row", "deletion-marker") if accepts(name, row)]
            assert accepted == [
                type(rows.user)
                .__name__.replace("UserRow", "user-row")
                .replace("DeletedUser", "deletion-marker")
            ]
            kinds[accepted[0]] += 1
        if rows.loyalty is not None:
            assert paths("loyalty-row", json.loads(encode_loyalty(rows.loyalty))) == []
            kinds["loyalty-row"] += 1
    assert min(kinds.values()) > 5


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("user-row", {"complete": "yes"}),
        ("user-row", {"more": 1}),
        ("user-row", {"as_of": "2021-07-05T07:46:49.139224Z"}),
        ("user-row", {"stamps": {"status": 10**20}}),
        ("user-row", {"deleted_at": "yesterday"}),
        ("deletion-marker", {"profile": {}}),
        ("deletion-marker", {"status": "active"}),
        ("loyalty-row", {"entries": None}),
        ("loyalty-row", {"points": {"value": 1}}),
    ],
)
def test_a_wrong_row_is_invalid(name: str, row: Json) -> None:
    whose = {"vendor": "magine", "tenant": "acme", "sub": "42"}
    right: dict[str, Json] = {
        "user-row": {
            **whose,
            "complete": False,
            "profile": {},
            "attributes": {},
            "settings": {},
            "stamps": {},
        },
        "deletion-marker": {**whose, "status": "deleted", "deleted_at": "2021-07-05T07:46:49.139224Z"},
        "loyalty-row": {**whose, "entries": []},
    }
    assert accepts(name, right[name])
    assert not accepts(name, {**right[name], **row})


def test_the_headers_of_every_dead_letter_are_valid() -> None:
    dead = [fixture for fixture in fixtures() if fixture.outcome["outcome"] == "dead"]
    assert {fixture.reason for fixture in dead} == set(DEAD_REASONS) - {"mapper_error"}
    for fixture in dead:
        assert paths("dead-letter-headers", dead_letter_headers(fixture)) == [], fixture.sentence
    headers = dead_letter_headers(dead[0])
    for name in headers:
        assert not accepts("dead-letter-headers", {each: headers[each] for each in headers if each != name})
    assert accepts("dead-letter-headers", {**headers, "x-truncated": "true", "webhook-id": "7"})
    for wrong in ({"x-reason": "odd"}, {"x-truncated": "false"}, {"x-attempt": "one"}, {"x-vendor": "acme"}):
        assert not accepts("dead-letter-headers", {**headers, **wrong})


def test_closed_sets_have_the_words_of_the_code() -> None:
    sets = closed_sets_schema()["$defs"]
    assert sets["Effect"]["enum"] == list(EFFECTS)
    assert sets["DeadReason"]["enum"] == list(DEAD_REASONS)
    assert sets["BalanceKind"]["enum"] == list(get_args(Kind))


def test_the_version_of_the_event_is_that_of_its_schema() -> None:
    schema = event_schema()
    assert schema["$id"] == schema["properties"]["dataschema"]["const"] == DATA_SCHEMA


def test_a_member_without_a_description_and_a_description_of_none_are_refused() -> None:
    schema = {"title": "Row", "properties": {"a": {}, "b": {}}}
    with pytest.raises(ValueError, match="Row: no description fits b, c"):
        described(schema, {"a": "A", "c": "C"})
