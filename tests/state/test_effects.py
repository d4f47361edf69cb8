"""The closed set of effects, case by case (docs/tables.md#effects)."""

import pytest

from app.canonical import Event
from app.state import Effect, apply
from tests.state.events import event, full, partial, points, score
from tests.state.histories import replay

CASES: dict[str, tuple[list[Event], Event, Effect]] = {
    "the first of a user": ([], event("logged_in", 1), "changed"),
    "a newer snapshot": ([full(1)], full(2), "changed"),
    "a repeat": ([full(1, user={"name": "N"})], full(1, user={"name": "N"}), "unchanged"),
    "a repeat under newer news of something else": (
        [partial(1, user={"name": "N"}), partial(2, user={"email": "E"})],
        partial(1, user={"name": "N"}),
        "unchanged",
    ),
    "a repeat of which one claim still stands": (
        [partial(1, user={"name": "N", "email": "D"}), partial(2, user={"email": "E"})],
        partial(1, user={"name": "N", "email": "D"}),
        "unchanged",
    ),
    "sub only": ([full(1)], event("logged_in", 1), "changed"),
    "nothing said": ([full(1)], partial(2), "unchanged"),
    "nothing said below a snapshot": ([full(2)], partial(1), "unchanged"),
    "an older snapshot": ([full(2, user={"name": "M"})], full(1, user={"name": "N"}), "stale"),
    "an older snapshot with the status, too": (
        [full(2, status="active")],
        full(1, status="blocked"),
        "stale",
    ),
    "an older snapshot whose status is news": ([full(2)], full(1, status="blocked"), "changed"),
    "an older snapshot whose settings are older, too": (
        [full(2, settings={"sound": 1})],
        full(1, settings={"sound": 0}),
        "stale",
    ),
    "an older status alone": ([full(2, status="active")], partial(1, status="blocked"), "stale"),
    "an older claim without any snapshot": (
        [partial(2, user={"name": "N"})],
        partial(1, user={"name": "M"}),
        "stale",
    ),
    "an older claim, the first that moves updated_at": ([full(2)], partial(1, user={"name": "M"}), "changed"),
    "a status lost to the greater encoding of the same time": (
        [partial(1, status="blocked")],
        partial(1, status="active"),
        "stale",
    ),
    "a claim lost to the greater encoding, of a time that updated_at still has": (
        [partial(1, attributes={"n": "b"}, id="1")],
        partial(1, attributes={"n": "a"}, id="2"),
        "unchanged",
    ),
    "an older log-in": ([event("logged_in", 2)], event("logged_in", 1), "stale"),
    "the same log-in": ([event("logged_in", 2)], event("logged_in", 2), "unchanged"),
    "an older presence": (
        [event("status_changed", 2, presence={"status": "away"})],
        event("status_changed", 1, presence={"status": "busy"}),
        "stale",
    ),
    "a repeated score": ([score(1, score={"balance": 1})], score(1, score={"balance": 1}), "unchanged"),
    "repeated points": ([points(1, points={"balance": 1})], points(1, points={"balance": 1}), "unchanged"),
    "a score older than twenty others": ([score(second) for second in range(2, 22)], score(1), "stale"),
}


@pytest.mark.parametrize("name", CASES)
def test_the_effect_of(name: str) -> None:
    history, last, expected = CASES[name]
    user, loyalty = replay(history)
    assert apply(last, user, loyalty)[2] == expected
