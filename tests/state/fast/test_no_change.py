"""Which events leave the rows as they are, without a merge. That they do so is in test_short_ways.py."""

import pytest

from app.canonical import Event
from app.state import LoyaltyRow, UserRow
from app.state.fast.no_change import keeps_loyalty, keeps_user
from app.state.rules.instants import instant
from tests.state.events import event, full, partial, points, score
from tests.state.histories import replay


def presence(second: int, status: str = "away") -> Event:
    return event("status_changed", second, presence={"status": status})


CLAIMS = {"name": "N", "email_verified": True, "address": {"country": "IT"}}
WHOLE = full(3, user=CLAIMS, attributes={"tags": ["a"], "counters": {"posts": 1}}, status="active")
SETTINGS = full(3, settings={"sound": 1, "mail": None})

# The history, the event after it, and whether the row holds some of it. None: the caller merges.
USERS: dict[str, tuple[list[Event], Event, bool | None]] = {
    "a repeat of a snapshot": ([WHOLE], WHOLE, True),
    "a repeat of settings": ([SETTINGS], SETTINGS, True),
    "a repeat of a partial event": (
        [WHOLE, partial(4, user={"name": "M"})],
        partial(4, user={"name": "M"}),
        True,
    ),
    "a repeat of a snapshot under a newer partial event": (
        [WHOLE, partial(4, user={"name": "M"})],
        WHOLE,
        True,
    ),
    "a repeat that clears": ([WHOLE, partial(4, user={"name": None})], partial(4, user={"name": None}), True),
    "a repeat of presence": ([WHOLE, presence(4)], presence(4), True),
    "a snapshot with a claim that is null": (
        [full(3, user={"email": "E"})],
        full(3, user={"email": "E", "name": None}),
        True,
    ),
    "an older partial event": ([WHOLE], partial(1, user={"name": "M"}), False),
    "an older partial event that clears": ([WHOLE], partial(1, user={"name": None, "email": None}), False),
    "an older snapshot": ([WHOLE], full(1, user={"name": "M"}, status="blocked"), False),
    "an older presence": ([presence(4)], presence(3), False),
    "an older log-in": ([event("logged_in", 4)], event("logged_in", 3), False),
    "a clearing of the time of the value": (
        [full(3, user={"name": "N"}), partial(4, user={"email": "E"})],
        partial(3, user={"name": None}),
        False,
    ),
    "a newer snapshot": ([partial(4, user={"name": "M"}), WHOLE], full(4), None),
    "a newer claim": ([WHOLE], partial(4, user={"email": "E"}), None),
    "another value of the same time": ([full(3, user={"name": "N"})], full(3, user={"name": "O"}), None),
    "a value of another kind": ([full(3, user={"name": 1})], full(3, user={"name": True}), None),
    "a claim that the snapshot lacks": ([full(3)], full(3, user={"name": "N"}), None),
    "a setting that the row lacks": ([full(3)], full(1, settings={"sound": 1}), None),
    "a status that the row lacks": ([full(3)], full(1, status="active"), None),
    "an older clearing of the address": ([WHOLE], partial(1, user={"address": None}), False),
    "a row whose address was cleared": ([WHOLE, partial(4, user={"address": None})], WHOLE, None),
    "the first presence": ([WHOLE], presence(1), None),
    "a newer presence": ([presence(3)], presence(4), None),
    "another presence of the same time": ([presence(3)], presence(3, "busy"), None),
    "the first log-in": ([WHOLE], event("logged_in", 1), None),
    "a newer log-in": ([event("logged_in", 3)], event("logged_in", 4), None),
}
FIRST = score(3, score={"balance": 9})
MANY = [score(10 + number, id=str(number)) for number in range(20)]
LOYALTY: dict[str, tuple[list[Event], Event, bool | None]] = {
    "a repeat": ([FIRST], FIRST, True),
    "a repeat of points": ([points(3, points={"balance": 9})], points(3, points={"balance": 9}), True),
    "a repeat of one of many": ([*MANY, points(40)], MANY[5], True),
    "an older time of an id": ([score(3, id="a")], score(2, id="a"), False),
    "older than all entries": (MANY, score(3), False),
    "an older balance": ([*MANY, score(40, score={"balance": 9})], score(3, score={"balance": 8}), False),
    "a newer time of an id": ([score(3, id="a")], score(4, id="a"), None),
    "another change of one id and time": ([FIRST], score(3, score={"balance": 9, "delta": 77}), None),
    "an older entry for which there is room": ([FIRST], score(2), None),
    "an entry among the newest": (MANY, score(15, id="x"), None),
    "the first balance": (MANY, score(3, score={"balance": 9}), None),
    "a newer balance": ([score(3, score={"balance": 9}), *MANY], score(4, score={"balance": 9}), None),
    "another balance of one time": (
        [score(3, score={"balance": 9}), *MANY],
        score(3, id="a", score={"balance": 8}),
        None,
    ),
    "a score and points": ([FIRST], score(3, points={"delta": 1}), None),
}


@pytest.mark.parametrize("name", USERS)
def test_a_users_row_that_stays(name: str) -> None:
    history, again, holds = USERS[name]
    row = replay(history).user
    assert isinstance(row, UserRow)
    assert keeps_user(row, again, instant(again.time)) is holds


@pytest.mark.parametrize("name", LOYALTY)
def test_a_loyalty_row_that_stays(name: str) -> None:
    history, again, holds = LOYALTY[name]
    row = replay(history).loyalty
    assert isinstance(row, LoyaltyRow)
    assert keeps_loyalty(row, again, instant(again.time)) is holds
