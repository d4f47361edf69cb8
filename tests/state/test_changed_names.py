"""The header `changed`: the names of what differs between two rows of a key (docs/tables.md#changed)."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine import Row
from app.state import (
    apply,
    changed_loyalty,
    changed_user,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
)
from app.state.rules.changed_names import MOST_BYTES
from app.state.shortcuts import NO_SHORTCUTS
from app.table_rules import TABLE_RULES
from tests.state.differing import differing, read
from tests.state.events import deleted, event, full, partial, points, score
from tests.state.histories import laws
from tests.state.random_histories import random_histories


def test_any_two_states_of_a_history_are_compared_as_their_json_is() -> None:
    named: set[str] = set()
    for history in random_histories(seed=11, count=300):
        user = loyalty = None
        users: list[Row] = [None]
        loyalties: list[Row] = [None]
        for each in history:
            user, loyalty, _ = apply(each, user, loyalty)
            users.append(None if user is None else encode_user(user))
            loyalties.append(None if loyalty is None else encode_loyalty(loyalty))
        for table, rows in (("users", users), ("loyalty", loyalties)):
            changed = TABLE_RULES.of(table).changed  # type: ignore[arg-type]
            # An event after the other, and the whole history at once.
            for before, after in [*pairwise(rows), (rows[1], rows[-1]), (rows[-1], None)]:
                expected = differing(before, after)
                assert read(changed(before, after)) == expected
                if table == "users":
                    old = None if before is None else decode_user(before)
                    new = None if after is None else decode_user(after)
                    assert read(changed_user(old, new, before, after)) == expected
                    assert read(NO_SHORTCUTS.changed_user(old, new, before, after)) == expected
                named |= {expected} if isinstance(expected, str) else expected
    assert named >= {"*", "status", "presence", "profile.email", "profile.address.country", "attributes.x.y"}
    assert named >= {"settings.sound", "reputation", "points", "entries"}


@given(
    st.dictionaries(st.text(min_size=1, max_size=20), st.integers(), max_size=4),
    st.dictionaries(st.text(max_size=20), st.none(), max_size=4),
)
@laws
def test_names_of_any_characters_are_read_back(said: dict[str, int], cleared: dict[str, None]) -> None:
    before, _, _ = apply(full(0, settings={}), None, None)
    after, _, _ = apply(event("settings_updated", 1, settings={**cleared, **said}), before, None)
    header = changed_user(before, after, None, None)
    assert header.isascii()
    assert read(header) == {f"settings.{name}" for name in said}


def header_after(*events: Any, first: int = 1) -> bytes:
    """Returns the header of the users row after all events; `first` of them were in the row before."""
    user = loyalty = before = None
    for number, each in enumerate(events):
        if number == first:
            before = user
        user, loyalty, _ = apply(each, user, loyalty)
    return changed_user(before, user, None if before is None else encode_user(before), encode_user(user))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("events", "header"),
    [
        ([full(0, user={"email": "a"}), partial(1, user={"email": "b"})], b"profile.email"),
        (
            [full(0, user={"email": "a"}), partial(1, user={"email": "b"}), partial(2, user={"email": "a"})],
            b"",
        ),
        ([full(0, user={"email": "a"}), full(1, user={"email": "a"})], b""),
        ([full(0, user={"email": 1}), full(1, user={"email": True})], b"profile.email"),
        ([full(0, attributes={"roles": [1]}), full(1, attributes={"roles": [1.0]})], b"attributes.roles"),
        ([full(0, user={"email": "a", "name": "n"}), full(1, user={"name": "n"})], b"profile.email"),
        (
            [full(0, user={"address": {"country": "IT", "locality": "Pisa"}}), full(1)],
            b"profile.address.country,profile.address.locality",
        ),
        ([full(0), deleted(1)], b"status"),
        ([full(0), deleted(1), deleted(2)], b"status"),
        ([full(0), deleted(1), full(2)], b"*"),
        (
            [full(0, attributes={}), full(1, attributes={"é,%": 1, "a b": 1})],
            b"attributes.%C3%A9%2C%25,attributes.a b",
        ),
    ],
)
def test_what_a_header_is(events: list[Any], header: bytes) -> None:
    first = 2 if header == b"*" else 1
    assert header_after(*events, first=first) == header


def test_the_first_row_is_new_as_a_whole_and_a_tombstone_names_nothing() -> None:
    user, loyalty, _ = apply(score(0), None, None)
    assert changed_user(None, user, None, None) == b"*"
    assert changed_loyalty(None, loyalty) == b"*"
    assert changed_user(user, None, None, None) == b""
    assert changed_loyalty(loyalty, None) == b""
    assert changed_loyalty(None, None) == b""


def test_the_values_of_balances_count_and_not_their_times() -> None:
    _, before, _ = apply(score(0, score={"balance": 5}), None, None)
    _, after, _ = apply(score(1, id="b", score={"balance": 5}), None, before)
    assert changed_loyalty(before, after) == b"entries"
    _, after, _ = apply(points(2, id="c", points={"balance": 3}), None, after)
    assert changed_loyalty(before, after) == b"entries,points"
    assert decode_loyalty(encode_loyalty(before)) == before  # type: ignore[arg-type]


def test_too_many_names_are_everything() -> None:
    names = [f"{'é' * 120}{number:02}" for number in range(100)]
    assert len(names) * 6 * 120 > MOST_BYTES
    before, _, _ = apply(full(0, attributes=dict.fromkeys(names, 1)), None, None)
    after, _, _ = apply(full(1), before, None)
    assert changed_user(before, after, None, None) == b"*"
    fewer, _, _ = apply(full(1, attributes=dict.fromkeys(names[50:], 1)), before, None)
    assert read(changed_user(before, fewer, None, None)) == {f"attributes.{name}" for name in names[:50]}
