"""A shortcut gives the same answer as the rules: those of `apply`, and those of recovery."""

from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET

from app.canonical import Event
from app.state import UserRow, encode_loyalty, encode_user, merge_loyalty, merge_users
from app.state.fast import SHORTCUTS
from app.state.fast.stale import plainly_stale
from app.state.rules.apply import apply
from app.state.rules.effect import effect_without_change
from app.state.rules.instants import instant
from app.state.rules.users import row_of
from tests.state.answers import answer
from tests.state.histories import events, histories, laws, replay


@laws
@given(histories, events)
def test_a_shortcut_answers_what_the_rules_answer(history: list[Event], event: Event) -> None:
    rows = replay(history)
    assert answer(SHORTCUTS.apply, event, rows) == answer(apply, event, rows)


@laws
@given(histories, st.data())
def test_a_shortcut_answers_the_same_to_a_repeat(history: list[Event], data: st.DataObject) -> None:
    rows = replay(history)
    again = data.draw(st.sampled_from(history))
    found = answer(SHORTCUTS.apply, again, rows)
    assert found == answer(apply, again, rows)


@laws
@given(histories, events)
def test_what_is_plainly_stale_changes_nothing_and_is_stale(history: list[Event], event: Event) -> None:
    user, loyalty = replay(history)
    at = instant(event.time)
    if isinstance(user, UserRow) and user.deleted_at is UNSET and plainly_stale(user, event, at):
        said = row_of(event, at)
        assert encode_user(merge_users(user, said)) == encode_user(user)
        assert effect_without_change(said, None, user, loyalty) == "stale"


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
    if SHORTCUTS.user_supersedes(before, after):
        assert encode_user(merge_users(older.user, newer.user)) == after
    if older.loyalty is not None and newer.loyalty is not None:
        before, after = encode_loyalty(older.loyalty), encode_loyalty(newer.loyalty)
        if SHORTCUTS.loyalty_supersedes(before, after):
            merged = merge_loyalty(older.loyalty, newer.loyalty)
            assert merged is not None
            assert encode_loyalty(merged) == after
