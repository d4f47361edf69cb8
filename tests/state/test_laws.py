"""The laws of docs/tables.md, on random histories and against the simple model in oracle.py."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.canonical import Event
from app.state import (
    NO_ROWS,
    LoyaltyRow,
    Rows,
    User,
    apply,
    concerns_loyalty,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
    merge,
)
from app.state.rules.instants import instant
from app.state.rules.loyalty import loyalty_of
from app.state.rules.users import row_of
from tests.state.events import deleted, points, score
from tests.state.histories import encoded, events, histories, laws, promised_histories, replay
from tests.state.oracle import encoding, rows_of

pytestmark = pytest.mark.untraced


def as_sorted_json(rows: tuple[bytes | None, bytes | None]) -> list[bytes]:
    return [encoding(row and json.loads(row)) for row in rows]


@laws
@given(promised_histories(), st.data())
def test_any_shuffle_with_repeats_gives_the_rows_of_the_set_of_events(
    history: list[Event], data: st.DataObject
) -> None:
    repeats = data.draw(st.lists(st.sampled_from(history), max_size=3))
    delivered = data.draw(st.permutations(history + repeats))
    assert as_sorted_json(encoded(replay(delivered))) == [encoding(row) for row in rows_of(history)]


@laws
@given(promised_histories(), st.data())
def test_equal_states_have_equal_bytes(history: list[Event], data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(history))
    assert encoded(replay(shuffled)) == encoded(replay(history))


@laws
@given(promised_histories(), st.data())
def test_the_merge_of_two_folds_is_the_fold_of_the_union(history: list[Event], data: st.DataObject) -> None:
    sides = data.draw(st.lists(st.sampled_from("ab*"), min_size=len(history), max_size=len(history)))
    a = [it for it, side in zip(history, sides, strict=True) if side in "a*"]
    b = [it for it, side in zip(history, sides, strict=True) if side in "b*"]
    assert encoded(merge(replay(a), replay(b))) == encoded(replay(history))


@laws
@given(promised_histories(), st.data())
def test_merge_is_associative(history: list[Event], data: st.DataObject) -> None:
    a, b, c = (replay(data.draw(st.lists(st.sampled_from(history)))) for _ in range(3))
    assert encoded(merge(merge(a, b), c)) == encoded(merge(a, merge(b, c)))


def merged_alone(rows: Rows, event: Event) -> Rows:
    """The rows merged with those that the event alone makes."""
    at = instant(event.time)
    return merge(rows, Rows(row_of(event, at), loyalty_of(event, at)))


@laws
@given(histories, events)
def test_an_event_does_what_the_merge_with_its_own_rows_does(history: list[Event], event: Event) -> None:
    rows = replay(history)
    user, loyalty, effect = apply(event, rows.user, rows.loyalty)
    if effect == "after_deletion":
        assert (user, loyalty) == rows
    else:
        assert encoded(Rows(user, loyalty)) == encoded(merged_alone(rows, event))


@laws
@given(histories, events)
def test_the_effect_is_changed_exactly_where_bytes_change(history: list[Event], event: Event) -> None:
    rows = replay(history)
    before = encoded(rows)
    user, loyalty, effect = apply(event, rows.user, rows.loyalty)
    assert encoded(rows) == before, "the rows handed in were changed"
    assert (effect == "changed") == (encoded(Rows(user, loyalty)) != before)
    if effect != "changed":
        assert user is rows.user
        assert loyalty is rows.loyalty


@laws
@given(histories, histories)
def test_merge_is_commutative_on_all_rows_that_can_be_reached(a: list[Event], b: list[Event]) -> None:
    assert encoded(merge(replay(a), replay(b))) == encoded(merge(replay(b), replay(a)))


@laws
@given(histories)
def test_merge_is_idempotent_and_nothing_is_its_neutral_element(history: list[Event]) -> None:
    rows = replay(history)
    assert encoded(merge(rows, rows)) == encoded(rows)
    assert encoded(merge(rows, NO_ROWS)) == encoded(rows)
    assert encoded(merge(NO_ROWS, rows)) == encoded(rows)


@laws
@given(histories)
def test_rows_survive_their_encoding(history: list[Event]) -> None:
    user, loyalty = replay(history)
    assert user is not None
    assert encode_user(decode_user(encode_user(user))) == encode_user(user)
    if loyalty is not None:
        assert encode_loyalty(decode_loyalty(encode_loyalty(loyalty))) == encode_loyalty(loyalty)


@laws
@given(st.data())
def test_the_newest_twenty_entries_are_kept_in_whatever_order_and_split(data: st.DataObject) -> None:
    seconds = data.draw(st.lists(st.integers(1, 50), min_size=15, max_size=40))
    history = [score(it, id=f"{data.draw(st.integers(0, 30))}", score={"balance": it}) for it in seconds]
    history.append(points(25, id="3"))
    middle = data.draw(st.integers(0, len(history)))
    rows = merge(replay(history[middle:]), replay(history[:middle]))
    assert as_sorted_json(encoded(rows)) == [encoding(row) for row in rows_of(history)]


@laws
@given(histories, st.data())
def test_a_deletion_leaves_no_personal_value(history: list[Event], data: st.DataObject) -> None:
    delivered = data.draw(st.permutations([*history, deleted(9)]))
    user, loyalty = encoded(replay(delivered))
    assert user == (
        b'{"vendor":"magine","tenant":"acme","sub":"7","status":"deleted",'
        b'"deleted_at":"2024-01-01T00:00:09.000000Z"}'
    )
    assert loyalty is None


@laws
@given(histories)
def test_an_event_that_does_not_concern_the_loyalty_row_hands_it_back(history: list[Event]) -> None:
    user: User | None = None
    loyalty: LoyaltyRow | None = None
    for event in history:
        before = loyalty
        user, loyalty, _ = apply(event, user, loyalty)
        assert concerns_loyalty(event) or loyalty is before
        if loyalty is not None:
            # The agent leaves a row undecoded for such an event: it must not matter that it is there.
            assert concerns_loyalty(event) or apply(event, user, None)[1] is None
