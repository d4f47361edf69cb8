"""What is done fast must be what is done slowly: the short ways of `apply`, and the tests of recovery."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from app.canonical import Event
from app.state import (
    Rows,
    UserRow,
    apply,
    encode_loyalty,
    encode_user,
    loyalty_supersedes,
    merge,
    merge_loyalty,
    merge_users,
    user_supersedes,
)
from app.state.effect import effect_of_nothing
from app.state.instants import instant
from app.state.loyalty import loyalty_alone
from app.state.stale import plainly_stale
from app.state.users import row_alone
from tests.state.histories import encoded, events, histories, laws, replay


def merged_alone(rows: Rows, event: Event) -> Rows:
    """The long way: the rows merged with those that the event alone makes."""
    time = instant(event.time)
    return merge(rows, Rows(row_alone(event, *time), loyalty_alone(event, *time)))


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
@given(histories, events)
def test_what_is_plainly_stale_changes_nothing_and_is_stale(history: list[Event], event: Event) -> None:
    user, loyalty = replay(history)
    time = instant(event.time)
    if isinstance(user, UserRow) and user.deleted_at is UNSET and plainly_stale(user, event, *time):
        alone = row_alone(event, *time)
        assert encode_user(merge_users(user, alone)) == encode_user(user)
        assert effect_of_nothing(alone, None, user, loyalty) == "stale"


@laws
@given(histories, st.data())
def test_a_row_supersedes_only_what_the_merge_would_swallow(
    history: list[Event], data: st.DataObject
) -> None:
    older = replay(history)
    newer = data.draw(st.sampled_from([replay(data.draw(histories)), replay(data.draw(histories), older)]))
    assert older.user is not None
    assert newer.user is not None
    before, after = encode_user(older.user), encode_user(newer.user)
    if user_supersedes(before, after):
        assert encode_user(merge_users(older.user, newer.user)) == after
    if older.loyalty is not None and newer.loyalty is not None:
        before, after = encode_loyalty(older.loyalty), encode_loyalty(newer.loyalty)
        if loyalty_supersedes(before, after):
            merged = merge_loyalty(older.loyalty, newer.loyalty)
            assert merged is not None
            assert encode_loyalty(merged) == after
