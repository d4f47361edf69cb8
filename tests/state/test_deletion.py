"""Deletion is sticky: one test for each sentence of docs/tables.md#deletion."""

import json
from typing import Any

import pytest

from app.canonical import Event
from app.state import DeletedUser, Rows, apply, expired, merge, prune
from app.times import MICROS_PER_DAY
from tests.state.events import at, deleted, event, full, micros, partial, points, score
from tests.state.histories import encoded, replay

MARKER = {"vendor": "magine", "tenant": "acme", "sub": "7", "status": "deleted"}


def rows(*events: Event) -> tuple[Any, Any]:
    user, loyalty = encoded(replay(list(events)))
    return user and json.loads(user), loyalty and json.loads(loyalty)


def test_a_deletion_leaves_the_marker_and_a_tombstone() -> None:
    history = [full(1, user={"email": "E"}, settings={"sound": 1}), score(2), event("logged_in", 3)]
    assert rows(*history, deleted(4)) == (MARKER | {"deleted_at": at(4)}, None)
    assert rows(deleted(4)) == (MARKER | {"deleted_at": at(4)}, None)


def test_an_event_up_to_the_deletion_changes_nothing() -> None:
    for late in (full(1), full(2), partial(2), score(1), event("logged_in", 2)):
        user, loyalty = replay([deleted(2)])
        assert apply(late, user, loyalty) == (user, loyalty, "after_deletion")


def test_a_partial_event_newer_than_the_deletion_does_not_bring_the_user_back() -> None:
    for newer in (partial(3, user={"email": "E"}), score(3), event("logged_in", 3)):
        marker, _ = replay([deleted(2)])
        assert apply(newer, marker, None) == (marker, None, "after_deletion")
        assert rows(newer, deleted(2)) == rows(deleted(2), newer) == (MARKER | {"deleted_at": at(2)}, None)


def test_a_newer_full_snapshot_brings_the_user_back_and_keeps_the_time_of_the_deletion() -> None:
    history = [full(1, user={"email": "E"}, settings={"sound": 1}, status="active"), score(1), deleted(2)]
    user, loyalty = rows(*history, full(3, user={"name": "N"}))
    assert user["profile"] == {"name": "N"}
    assert user["settings"] == {}
    assert "status" not in user
    assert user["deleted_at"] == at(2)
    assert loyalty is None


def test_an_event_up_to_the_deletion_changes_nothing_after_the_user_came_back() -> None:
    user, loyalty = replay([deleted(2), full(3)])
    for late in (partial(1, settings={"sound": 1}), score(2), deleted(1), event("created", 2)):
        assert apply(late, user, loyalty) == (user, loyalty, "after_deletion")


def test_a_user_who_came_back_goes_on_as_any_other() -> None:
    user, loyalty = rows(deleted(2), full(3, user={"name": "N"}), partial(4, user={"name": "M"}), score(5))
    assert user["profile"] == {"name": "M"}
    assert len(loyalty["entries"]) == 1


def test_delivered_in_order_what_came_between_deletion_and_return_is_gone() -> None:
    user, loyalty = rows(deleted(1), partial(2, settings={"sound": 1}), score(2), full(3))
    assert user["settings"] == {}
    assert loyalty is None


def test_a_late_deletion_under_a_newer_snapshot_removes_what_is_stamped_up_to_it() -> None:
    early = [
        full(1, user={"name": "N"}, status="blocked", settings={"sound": 1, "mail": None}),
        event("created", 1),
        event("logged_in", 1),
        event("logged_out", 2),
        event("status_changed", 2, presence={"status": "away"}),
    ]
    user, _ = rows(*early, full(4), deleted(2))
    assert user == {
        "vendor": "magine",
        "tenant": "acme",
        "sub": "7",
        "complete": True,
        "profile": {},
        "attributes": {},
        "settings": {},
        "as_of": micros(4),
        "stamps": {},
        "deleted_at": at(2),
    }


def test_a_late_deletion_removes_the_loyalty_entries_and_balances_up_to_it() -> None:
    early = [score(1, score={"balance": 5}), points(2, points={"balance": 7})]
    newer = [full(4), score(5, score={"balance": 6})]
    _, loyalty = rows(*early, *newer, deleted(2))
    assert [entry["at"] for entry in loyalty["entries"]] == [at(5)]
    assert loyalty["reputation"] == {"value": 6, "as_of": micros(5)}
    assert "points" not in loyalty
    assert rows(*early, full(4), deleted(2))[1] is None


def test_of_two_deletions_the_later_counts() -> None:
    assert rows(deleted(1), deleted(2)) == rows(deleted(2), deleted(1)) == rows(deleted(2))
    assert rows(full(3), deleted(1), deleted(2))[0]["deleted_at"] == at(2)
    assert rows(deleted(1), full(2), deleted(3)) == rows(deleted(3))


def test_a_repeated_deletion_is_dropped_because_of_the_first() -> None:
    user, loyalty = replay([deleted(1)])
    assert apply(deleted(1), user, loyalty) == (user, loyalty, "after_deletion")


def test_a_pair_read_out_of_step_is_brought_into_its_form() -> None:
    _, loyalty = replay([score(1, score={"balance": 5}), score(3)])
    marker, _ = replay([deleted(2)])
    back, _ = replay([deleted(2), full(4)])
    assert merge(Rows(marker, loyalty), Rows(None, None)) == Rows(marker, None)
    pruned = merge(Rows(None, None), Rows(back, loyalty)).loyalty
    assert pruned == prune(loyalty, back)
    assert pruned is not None
    assert [entry.at for entry in pruned.entries] == [at(3)]
    assert not pruned.reputation


def test_only_a_marker_older_than_the_grace_period_has_expired() -> None:
    marker, _ = replay([deleted(0)])
    back, _ = replay([deleted(0), full(1)])
    assert isinstance(marker, DeletedUser)
    assert back is not None
    grace = 30 * MICROS_PER_DAY
    assert not expired(marker, micros(0) + grace, grace)
    assert expired(marker, micros(0) + grace + 1, grace)
    assert not expired(back, micros(0) + 2 * grace, grace)


@pytest.mark.parametrize("kind", ["score", "presence", "settings", "attributes"])
def test_whatever_else_a_deletion_carries_is_not_kept(kind: str) -> None:
    carried = {
        "score": {"delta": 1, "balance": 2},
        "presence": {"status": "away"},
        "settings": {"sound": 1},
        "attributes": {"bio": "B"},
    }
    assert rows(deleted(1, **{kind: carried[kind]})) == (MARKER | {"deleted_at": at(1)}, None)
