"""Which one of a user's several values becomes a claim."""

from typing import Any

import pytest
from msgspec import UNSET

from app.vendors.claims import put, put_name


@pytest.mark.parametrize("value", ["a", [], {}, 0, False])
@pytest.mark.parametrize("partial", [True, False])
def test_a_value_that_is_set_is_put(value: object, partial: bool) -> None:
    target: dict[str, Any] = {}
    put(target, "x", value, partial)
    assert target == {"x": value}


@pytest.mark.parametrize("value", [None, ""])
def test_a_cleared_value_is_null_in_a_partial_snapshot_only(value: object) -> None:
    whole: dict[str, Any] = {}
    part: dict[str, Any] = {}
    put(whole, "x", value)
    put(part, "x", value, partial=True)
    assert (whole, part) == ({}, {"x": None})


def test_an_absent_value_says_nothing() -> None:
    target: dict[str, Any] = {}
    put(target, "x", UNSET, partial=True)
    assert target == {}


@pytest.mark.parametrize(
    ("given", "family", "claims"),
    [
        ("Ada", "Lovelace", {"name": "Ada Lovelace", "given_name": "Ada", "family_name": "Lovelace"}),
        ("Ada", None, {"name": "Ada", "given_name": "Ada"}),
        ("", "Lovelace", {"name": "Lovelace", "family_name": "Lovelace"}),
        (None, "", {}),
    ],
)
def test_a_name_is_made_of_its_parts(given: str | None, family: str | None, claims: dict[str, str]) -> None:
    target: dict[str, Any] = {}
    put_name(target, given, family)
    assert target == claims
