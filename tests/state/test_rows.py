"""Rows and their bytes, and values that are valid but odd."""

import msgspec
import pytest

from app.canonical import decode_event, encode_event
from app.state import (
    InvalidRow,
    apply,
    decode_loyalty,
    decode_user,
    encode_user,
    user_supersedes,
)
from app.state.rules.instants import instant
from app.state.shortcuts import NO_SHORTCUTS
from tests.state.events import full, partial, score
from tests.state.histories import encoded, replay


def test_the_order_of_members_in_an_event_leaves_no_trace_in_the_row() -> None:
    a, _ = replay([full(1, user={"name": "N", "email": "E"}, attributes={"x": {"b": 1, "a": 2}})])
    b, _ = replay([full(1, user={"email": "E", "name": "N"}, attributes={"x": {"a": 2, "b": 1}})])
    assert a is not None
    assert b is not None
    assert encode_user(a) == encode_user(b)


NO_ADDRESS = (
    b'{"vendor":"v","tenant":"t","sub":"s","complete":true,"profile":{"address":"PII"},'
    b'"attributes":{},"settings":{},"stamps":{}}'
)


@pytest.mark.parametrize(
    "value",
    [
        b"",
        b"null",
        b"[]",
        b'{"vendor":"v"}',
        b"[" * 100_000,
        b'{"vendor":"v","tenant":"t","sub":"s","status":"deleted","deleted_at":"yesterday"}',
        NO_ADDRESS,
    ],
)
def test_what_is_no_row_is_refused_without_a_word_of_it(value: bytes) -> None:
    with pytest.raises(InvalidRow) as error:
        decode_user(value)
    assert "PII" not in str(error.value)
    with pytest.raises(InvalidRow):
        decode_loyalty(value)


def test_an_instant_is_refused_where_there_is_none() -> None:
    with pytest.raises(ValueError, match="RFC 3339"):
        instant("yesterday")


def test_values_nested_as_deep_as_the_decoder_lets_pass_are_taken_in_and_written() -> None:
    template = encode_event(partial(1, attributes={"deep": "X"}))
    depth = 2_000
    while True:
        depth -= 1
        try:
            event = decode_event(template.replace(b'"X"', b"[" * depth + b"]" * depth))
        except ValueError:
            continue
        break
    # A tie: both have to be encoded to find the greater, some calls deeper than here.
    lesser = decode_event(template.replace(b'"X"', b"[" * depth + b"1" + b"]" * depth))
    user, loyalty, _ = apply(lesser, None, None)
    user, loyalty, effect = apply(event, user, loyalty)
    assert effect == "changed"
    assert user is not None
    row = encode_user(user)
    assert b"[" * depth in row
    assert encode_user(decode_user(row)) == row
    assert user_supersedes(row, row + b" ") is False


def test_without_shortcuts_recovery_merges_always() -> None:
    user, loyalty = encoded(replay([full(1), score(2)]))
    assert user is not None
    assert loyalty is not None
    assert not NO_SHORTCUTS.user_supersedes(user, user)
    assert not NO_SHORTCUTS.loyalty_supersedes(loyalty, loyalty)


def test_numbers_of_any_size_are_kept_as_they_are() -> None:
    numbers = [10**40, -(10**40), 1e300, 0.1, -0.0]
    user, _ = replay([partial(1, attributes={"numbers": numbers})])
    assert user is not None
    assert msgspec.json.encode(numbers) in encode_user(user)
