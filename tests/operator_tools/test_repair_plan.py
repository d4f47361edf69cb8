"""What `repair` is going to write."""

from typing import Any

import pytest

from app.canonical import Event, decode_event
from app.errors import CommandFailed
from app.state import NO_ROWS, Rows, UserRow, apply, fold
from app.tools.users.operator_event import Signature
from app.tools.users.repair_plan import RepairPlan, check_repairable, plan_repair, plan_restore
from app.tools.users.row_fields import Changes
from app.tools.users.user_key import UserKey
from tests.state.events import deleted, full, micros, partial, score

USER, BY = UserKey("magine", "acme", "7"), Signature("op", "t 1")
ADA = full(5, user={"name": "Ada", "email": "wrong@example.com"})
NOW = micros(9)
SET = Changes({"profile.email": "right@example.com"})


def rows_of(*events: Event) -> Rows:
    return fold(events)["magine/acme/7"]


def profile_after(plan: RepairPlan, rows: Rows) -> Any:
    user, _, _ = apply(decode_event(plan.event), rows.user, rows.loyalty)
    assert isinstance(user, UserRow)
    return user.profile


def test_a_repair_wins_over_everything_that_is_there_and_over_what_comes_with_an_earlier_time() -> None:
    ahead = full(40, user={"name": "Ada", "email": "wrong@example.com"})
    rows = rows_of(ahead)
    plan = plan_repair(USER, rows, SET, NOW, BY)
    assert decode_event(plan.event).time == "2024-01-01T00:00:40.000001Z"
    assert profile_after(plan, rows) == {"name": "Ada", "email": "right@example.com"}
    assert plan.lines == [
        "magine/acme/7",
        '  profile.email: "wrong@example.com" -> "right@example.com"',
        "vendor events up to 2024-01-01T00:00:40.000001Z will lose against these values",
    ]
    assert plan.question == "Write this (profile.email)?"


def test_a_repair_to_the_same_value_says_so() -> None:
    rows = rows_of(ADA)
    plan = plan_repair(USER, rows, Changes({"profile.name": "Ada", "profile.locale": None}), NOW, BY)
    assert plan.lines[1] == "  no value changes; the fields get a later stamp"
    assert plan.question == "Write this (no value)?"


def test_a_row_that_a_worker_would_refuse_is_not_made() -> None:
    huge = {f"name_{number}": "x" * 16_000 for number in range(65)}
    rows = rows_of(full(1, user=huge))
    more = Changes({"profile.website": "x" * 16_000, "profile.picture": "x" * 16_000})
    with pytest.raises(CommandFailed, match="more than 1048576 bytes"):
        plan_repair(USER, rows, more, NOW, BY)


@pytest.mark.parametrize(
    ("events", "restore", "said"),
    [
        ([ADA], True, "the user is not deleted"),
        ([ADA, deleted(6), full(7)], True, "the user is not deleted"),
        ([], False, "there is no row of this key"),
        ([ADA, deleted(6)], False, "--restore brings the user back"),
    ],
)
def test_what_cannot_be_repaired_is_refused(events: list[Event], restore: bool, said: str) -> None:
    with pytest.raises(CommandFailed, match=said):
        check_repairable(rows_of(*events) if events else NO_ROWS, restore=restore)


def test_what_can_be_repaired_is_not() -> None:
    check_repairable(rows_of(ADA), restore=False)
    check_repairable(rows_of(deleted(1)), restore=True)
    check_repairable(NO_ROWS, restore=True)


def test_a_user_comes_back_as_before_with_what_is_set() -> None:
    events = [ADA, partial(6, user={"locale": "sv"}), score(6), deleted(7)]
    rows = rows_of(*events)
    plan = plan_restore(USER, rows, events, SET, NOW, BY)
    assert profile_after(plan, rows) == {"name": "Ada", "email": "right@example.com", "locale": "sv"}
    assert plan.question == "Restore the user (profile.email, profile.locale, profile.name, status)?"
    assert plan.lines[-1] == (
        "vendor events up to 2024-01-01T00:00:09.000000Z will change nothing of this user any more"
    )


def test_without_a_snapshot_a_user_comes_back_as_what_is_set() -> None:
    rows = rows_of(deleted(7))
    with pytest.raises(CommandFailed, match="no full snapshot from before the deletion"):
        plan_restore(USER, rows, [deleted(7)], Changes({"profile.name": None}), NOW, BY)
    plan = plan_restore(USER, rows, [deleted(7)], SET, NOW, BY)
    assert profile_after(plan, rows) == {"email": "right@example.com"}


def test_a_user_whose_marker_is_gone_comes_back_from_the_events() -> None:
    plan = plan_restore(USER, NO_ROWS, [ADA, deleted(7)], Changes({}), NOW, BY)
    assert profile_after(plan, NO_ROWS) == {"name": "Ada", "email": "wrong@example.com"}
    with pytest.raises(CommandFailed, match="neither a row nor an event"):
        plan_restore(USER, NO_ROWS, [], SET, NOW, BY)
