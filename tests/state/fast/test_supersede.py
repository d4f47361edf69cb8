"""Which later rows recovery takes without a merge. That it may take them is in test_short_ways.py."""

import pytest

from app.canonical import Event
from app.state import encode_loyalty, encode_user
from app.state.fast.supersede import loyalty_supersedes, user_supersedes
from tests.state.events import deleted, event, full, partial, points, score
from tests.state.histories import replay


def presence(second: int, status: str = "away") -> Event:
    return event("status_changed", second, presence={"status": status})


def supersedes(older: list[Event], newer: list[Event]) -> bool:
    before, after = replay(older).user, replay(newer).user
    assert before is not None
    assert after is not None
    return user_supersedes(encode_user(before), encode_user(after))


CONNECTED: dict[str, tuple[list[Event], list[Event]]] = {
    "the same row": ([partial(1)], [partial(1)]),
    "a newer snapshot": ([full(1, user={"email": "E"})], [full(2, user={"name": "N"})]),
    "a newer snapshot than any partial": ([partial(1, user={"email": "E"})], [full(2, user={"name": "N"})]),
    "a newer status": ([full(1, status="active")], [full(2, status="blocked")]),
    "a deletion": ([full(1)], [deleted(2)]),
    "a deletion of a partial user": ([partial(1)], [deleted(2)]),
    "a return": ([deleted(1)], [deleted(1), full(2)]),
}
UNSURE: dict[str, tuple[list[Event], list[Event]]] = {
    "an older snapshot": ([full(2)], [full(1)]),
    "no snapshot": ([partial(1)], [partial(2, user={"name": "N"})]),
    "a snapshot older than a partial": ([partial(2, user={"name": "N"})], [full(1)]),
    "a snapshot that knows of no deletion": ([deleted(1)], [full(2)]),
    "a deletion older than the snapshot": ([full(2)], [deleted(1)]),
    "an older deletion": ([deleted(2)], [deleted(1)]),
    "a snapshot that lacks the status": ([full(1, status="active")], [full(2)]),
    "a snapshot with another status of the older time": (
        [full(1, status="active")],
        [full(1, status="blocked"), full(2)],
    ),
    "a snapshot that lacks a setting": ([full(1, settings={"sound": 1})], [full(2)]),
    "a snapshot that lacks a cleared setting": ([full(1, settings={"sound": None})], [full(2)]),
    "a snapshot that lacks the presence": ([full(1), presence(1)], [full(2)]),
    "a snapshot with an older presence": ([full(1), presence(2)], [presence(1), full(3)]),
    "a snapshot that lacks the log-in": ([event("logged_in", 1)], [full(2)]),
    "a snapshot with an older log-out": ([event("logged_out", 2)], [event("logged_out", 1), full(3)]),
}


@pytest.mark.parametrize("name", CONNECTED)
def test_recovery_takes_over(name: str) -> None:
    assert supersedes(*CONNECTED[name])


@pytest.mark.parametrize("name", UNSURE)
def test_recovery_merges(name: str) -> None:
    assert not supersedes(*UNSURE[name])


def test_a_row_made_from_the_older_one_by_a_newer_snapshot_supersedes_it() -> None:
    history = [
        event("created", 1, full=True, settings={"sound": 1, "mail": None}, status="active"),
        presence(2),
        event("logged_in", 2),
        event("logged_out", 3),
        partial(3, user={"email": "E"}),
    ]
    assert supersedes(history, [*history, full(4, user={"name": "N"})])
    assert supersedes(history, [*history, presence(4, "busy"), full(5)])


def loyalty(older: list[Event], newer: list[Event]) -> bool:
    before, after = replay(older).loyalty, replay(newer).loyalty
    assert before is not None
    assert after is not None
    return loyalty_supersedes(encode_loyalty(before), encode_loyalty(after))


def test_a_loyalty_row_with_newer_entries_before_the_same_ones_supersedes() -> None:
    history = [score(it, score={"balance": it}) for it in range(25)]
    assert loyalty(history[:3], history[:3])
    assert loyalty(history[:3], history[:5])
    assert loyalty(history[:18], history)
    assert loyalty([points(1, points={"balance": 1})], [points(1, points={"balance": 1}), score(2)])


def test_a_loyalty_row_that_lacks_an_entry_or_a_balance_does_not() -> None:
    assert not loyalty([score(1)], [score(2)])
    assert not loyalty([score(1), score(2)], [score(2), score(3)])
    assert not loyalty([score(1, score={"balance": 1})], [score(1)])
    assert not loyalty([points(1, points={"balance": 1})], [points(1)])
