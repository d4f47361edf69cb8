"""Tolerant reading: usable values are kept, unusable ones are named, and a body that is no JSON is
refused."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw, Struct

from app.vendors.model import Invalid
from app.vendors.tolerant_reader import NotJson, TolerantReader, read_value


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


FLEET = TolerantReader(Fleet)

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
# For each field a value of JSON that does not have its type.
OF_A_WRONG_TYPE: dict[str, Any] = {
    "homePort": 7,
    "size": "7",
    "flags": "red",
    "notes": {"a": 1},
    "flagship": [],
    "ships": {},
    "needed": True,
}


def read(value: object) -> tuple[Fleet, list[str]]:
    left_out: list[str] = []
    return FLEET.require(json.dumps(value).encode(), "$.fleet", left_out), left_out


@given(_fleet)
def test_good_input_reads_as_the_typed_pass_reads_it(fleet: Fleet) -> None:
    body = msgspec.json.encode(fleet)
    left_out: list[str] = []
    assert (
        FLEET.typed(body)
        == FLEET.require(body, "$", left_out)
        == read_value(Fleet, body, "$", left_out)
        == fleet
    )
    assert left_out == []


@given(_fleet, st.sets(st.sampled_from(sorted(OF_A_WRONG_TYPE)), min_size=1))
def test_odd_fields_take_their_defaults_and_the_good_ones_stay(fleet: Fleet, chosen: set[str]) -> None:
    value = {**json.loads(msgspec.json.encode(fleet)), **{name: OF_A_WRONG_TYPE[name] for name in chosen}}
    found, left_out = read(value)
    good = msgspec.convert({name: part for name, part in value.items() if name not in chosen}, Fleet)
    assert found == good
    assert sorted(left_out) == sorted(chosen)
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
    found, left_out = read({name: sent, "homePort": "Ålesund"})
    assert getattr(found, name) == kept
    assert found.home_port == "Ålesund"
    assert left_out == [name] * count


def test_an_odd_field_inside_is_named_by_its_own_name() -> None:
    found, left_out = read(
        {"flagship": {"hullName": 1, "masts": 2}, "ships": [{"hullName": "a", "masts": "2"}]}
    )
    assert found.flagship == Ship(masts=2)
    assert found.ships == [Ship(hull_name="a")]
    assert left_out == ["hullName", "masts"]


def test_of_duplicate_keys_the_last_counts_in_both_passes() -> None:
    left_out: list[str] = []
    assert FLEET.require(b'{"homePort":"a","homePort":"b"}', "$", left_out).home_port == "b"
    assert FLEET.require(b'{"homePort":5,"homePort":"b"}', "$", left_out).home_port == "b"
    assert left_out == []
    assert FLEET.require(b'{"homePort":"b","homePort":5}', "$", left_out).home_port is None
    assert left_out == ["homePort"]


def test_a_key_may_be_written_with_escapes() -> None:
    left_out: list[str] = []
    assert FLEET.require(b'{"home\\u0050ort":"b","size":"x"}', "$", left_out).home_port == "b"


@pytest.mark.parametrize("body", [b"[]", b"null", b"5", b'"text"', b"true"])
def test_what_is_no_object_is_refused_by_its_place(body: bytes) -> None:
    with pytest.raises(Invalid) as invalid:
        FLEET.require(body, "$.fleet", [])
    assert (invalid.value.reason, invalid.value.detail) == ("schema", "$.fleet: expected object")


def test_a_part_that_is_missing_is_refused_by_its_place() -> None:
    with pytest.raises(Invalid, match=r"^\$\.fleet: expected object$"):
        FLEET.require(UNSET, "$.fleet", [])


def test_a_part_may_be_read_from_unread_json() -> None:
    assert FLEET.require(Raw(b'{"homePort":"a","size":[]}'), "$", []).home_port == "a"


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
        b'{"homePort":5,"size":1e999}',  # unusable first, unreadable after it
        b'{"homePort":5,"masts":}',
        b'{"homePort":["\\ud83d"]}',  # unreadable inside of an unusable value
        b'{"homePort":{"a":1e999}}',
        b'{"flags":["a",5,"\xff"]}',
        b'{"ships":[{"masts":"x","hullName":"\xff"}]}',
        b'{"homePort":NaN}',
    ],
)
def test_what_the_decoder_refuses_in_what_is_read_is_not_json(body: bytes) -> None:
    assert FLEET.typed(body) is None
    with pytest.raises(NotJson):
        FLEET.require(body, "$", [])


def test_fields_nobody_reads_may_hold_what_the_decoder_does_not_look_at() -> None:
    left_out: list[str] = []
    assert FLEET.require(b'{"cargo":1e999,"homePort":"a"}', "$", left_out).home_port == "a"
    assert FLEET.require(b'{"cargo":"\xff","homePort":"a","size":"x"}', "$", left_out).home_port == "a"
    assert left_out == ["size"]
