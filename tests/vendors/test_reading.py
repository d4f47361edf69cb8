"""Tolerant reading: what is good is kept, what is odd is named, and what is no JSON is refused."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw, Struct

from app.vendors.model import Refused
from app.vendors.reading import NotJson, Reader, read_value


class Ship(Struct, rename="camel"):
    hull_name: str | None = None
    masts: int | None = None


class Fleet(Struct, rename="camel"):
    id: Any = UNSET
    home_port: str | None = None
    size: int | float | None = None
    flags: list[str] | None = None
    notes: list[str | dict[str, Any]] | None = None
    flagship: Ship | None = None
    ships: list[Ship] | None = None
    needed: list[Ship | None] | None = None


FLEET = Reader(Fleet)

_text = st.text(max_size=5)
_ship = st.builds(Ship, hull_name=st.none() | _text, masts=st.none() | st.integers(0, 9))
_fleet = st.builds(
    Fleet,
    id=_text | st.integers(-5, 5),
    home_port=st.none() | _text,
    size=st.none() | st.integers(0, 9) | st.sampled_from([0.5, 2.25]),
    flags=st.none() | st.lists(_text, max_size=3),
    notes=st.none() | st.lists(_text | st.dictionaries(_text, st.integers(0, 9), max_size=2), max_size=3),
    flagship=st.none() | _ship,
    ships=st.none() | st.lists(_ship, max_size=3),
    needed=st.none() | st.lists(_ship, max_size=3),
)
# For each field a value that is JSON and not of its type.
ODD: dict[str, Any] = {
    "homePort": 7,
    "size": "7",
    "flags": "red",
    "notes": {"a": 1},
    "flagship": [],
    "ships": {},
    "needed": True,
}


def read(value: object) -> tuple[Fleet, list[str]]:
    odd: list[str] = []
    return FLEET.need(json.dumps(value).encode(), "$.fleet", odd), odd


@given(_fleet)
def test_good_input_reads_as_the_typed_pass_reads_it(fleet: Fleet) -> None:
    body = msgspec.json.encode(fleet)
    odd: list[str] = []
    assert FLEET.typed(body) == FLEET.need(body, "$", odd) == read_value(Fleet, body, "$", odd) == fleet
    assert odd == []


@given(_fleet, st.sets(st.sampled_from(sorted(ODD)), min_size=1))
def test_odd_fields_take_their_defaults_and_the_good_ones_stay(fleet: Fleet, chosen: set[str]) -> None:
    value = {**json.loads(msgspec.json.encode(fleet)), **{name: ODD[name] for name in chosen}}
    found, odd = read(value)
    good = msgspec.convert({name: part for name, part in value.items() if name not in chosen}, Fleet)
    assert found == good
    assert sorted(odd) == sorted(chosen)
    assert FLEET.typed(json.dumps(value).encode()) is None


@pytest.mark.parametrize(
    ("name", "sent", "kept", "count"),
    [
        ("flags", ["red", 5, None, "blue", ["x"]], ["red", "blue"], 3),
        ("notes", ["a", 5, {"b": [1]}, None, True], ["a", {"b": [1]}], 3),
        ("ships", [{"masts": 3}, "x", None, {}], [Ship(masts=3), Ship()], 2),
        ("needed", [{"masts": 3}, "x", None, {}], [Ship(masts=3), None, None, Ship()], 1),
    ],
)
def test_of_a_list_the_odd_elements_alone_are_lost(name: str, sent: Any, kept: Any, count: int) -> None:
    found, odd = read({name: sent, "homePort": "Ålesund"})
    assert getattr(found, name) == kept
    assert found.home_port == "Ålesund"
    assert odd == [name] * count


def test_an_odd_field_inside_is_named_by_its_own_name() -> None:
    found, odd = read({"flagship": {"hullName": 1, "masts": 2}, "ships": [{"hullName": "a", "masts": "2"}]})
    assert found.flagship == Ship(masts=2)
    assert found.ships == [Ship(hull_name="a")]
    assert odd == ["hullName", "masts"]


def test_of_duplicate_keys_the_last_counts_in_both_passes() -> None:
    odd: list[str] = []
    assert FLEET.need(b'{"homePort":"a","homePort":"b"}', "$", odd).home_port == "b"
    assert FLEET.need(b'{"homePort":5,"homePort":"b"}', "$", odd).home_port == "b"
    assert odd == []
    assert FLEET.need(b'{"homePort":"b","homePort":5}', "$", odd).home_port is None
    assert odd == ["homePort"]


def test_a_key_may_be_written_with_escapes() -> None:
    odd: list[str] = []
    assert FLEET.need(b'{"home\\u0050ort":"b","size":"x"}', "$", odd).home_port == "b"


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"true"])
def test_what_is_no_object_is_refused_by_its_place(body: bytes) -> None:
    with pytest.raises(Refused) as refused:
        FLEET.need(body, "$.fleet", [])
    assert (refused.value.reason, refused.value.detail) == ("schema", "$.fleet: expected object")


def test_a_part_that_is_missing_is_refused_by_its_place() -> None:
    with pytest.raises(Refused, match=r"^\$\.fleet: expected object$"):
        FLEET.need(UNSET, "$.fleet", [])


def test_a_part_may_be_read_from_unread_json() -> None:
    assert FLEET.need(Raw(b'{"homePort":"a","size":[]}'), "$", []).home_port == "a"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b'{"homePort":"a",}',
        b'{"homePort":"a"} x',
        b"\xef\xbb\xbf{}",
        '{"homePort":"a"}'.encode("utf-16"),
        b'{"homePort":"\xff"}',
        b'{"homePort":"\\ud83d"}',
        b'{"id":1e999}',
        b'{"id":007}',
        b'{"size":' + b"9" * 5000 + b"}",
        b'{"homePort":5,"size":1e999}',  # odd first, unreadable behind it
        b'{"homePort":5,"masts":}',
        b'{"homePort":["\\ud83d"]}',  # unreadable inside of what is odd
        b'{"homePort":{"a":1e999}}',
        b'{"flags":["a",5,"\xff"]}',
        b'{"ships":[{"masts":"x","hullName":"\xff"}]}',
        b'{"homePort":NaN}',
    ],
)
def test_what_the_decoder_refuses_in_what_is_read_is_not_json(body: bytes) -> None:
    assert FLEET.typed(body) is None
    with pytest.raises(NotJson):
        FLEET.need(body, "$", [])


def test_fields_nobody_reads_may_hold_what_the_decoder_does_not_look_at() -> None:
    odd: list[str] = []
    assert FLEET.need(b'{"cargo":1e999,"homePort":"a"}', "$", odd).home_port == "a"
    assert FLEET.need(b'{"cargo":"\xff","homePort":"a","size":"x"}', "$", odd).home_port == "a"
    assert odd == ["size"]
