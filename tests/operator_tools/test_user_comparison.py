"""What differs between a user of an export and the row."""

from typing import Any

import pytest

from app.canonical import Event
from app.state import User, UserRow
from app.tools.exports.user_comparison import Compared, compare, newest_of
from tests.state.events import deleted, event, full, micros, partial
from tests.state.histories import replay


def row_of(*events: Event) -> User | None:
    return replay(list(events)).user


ADA: dict[str, Any] = {"user": {"name": "Ada", "email": "a@x"}, "attributes": {"tags": ["x"]}}
BO: dict[str, Any] = {"user": {"name": "Bo", "email": "a@x"}, "attributes": {"tags": ["x"]}}


@pytest.mark.parametrize(
    ("exported", "history", "compared"),
    [
        (full(5, **ADA), [], Compared("missing")),
        (full(5, **ADA), [full(5, **ADA)], Compared(None)),
        (full(5, **ADA), [full(3, **ADA)], Compared(None)),
        (full(5, **ADA), [full(8, **ADA)], Compared(None)),
        (full(5, **ADA), [full(3, **BO)], Compared("differing", frozenset({"profile.name"}))),
        (full(5, **ADA), [full(8, **BO)], Compared(None, newer=frozenset({"profile.name"}))),
        # Of one time: the greater text stays, whichever the export has.
        (full(5, **ADA), [full(5, **BO)], Compared("undecided", frozenset({"profile.name"}))),
        (full(5, **BO), [full(5, **ADA)], Compared("differing", frozenset({"profile.name"}))),
        (full(5, **ADA), [partial(3, **ADA)], Compared("incomplete")),
        (
            full(5, **ADA),
            [full(3, **BO), partial(8, user={"email": "new"})],
            Compared("differing", frozenset({"profile.name"}), frozenset({"profile.email"})),
        ),
        # What the export does not have is cleared.
        (
            full(5, user={"name": "Ada"}),
            [full(3, **ADA)],
            Compared("differing", frozenset({"profile.email", "attributes.tags"})),
        ),
        (
            full(5, user={"address": {"country": "SE"}}),
            [full(3, user={"address": {"country": "NO", "locality": "x"}})],
            Compared("differing", frozenset({"profile.address.country", "profile.address.locality"})),
        ),
        (
            full(5, user={"address": {"country": "SE"}}),
            [full(3), partial(8, user={"address": None})],
            Compared(None, newer=frozenset({"profile.address.country"})),
        ),
        # A name that is encoded in the header `changed`.
        (
            full(5, attributes={"ü,%": 1}),
            [full(3), partial(8, attributes={"ü,%": 2})],
            Compared(None, newer=frozenset({"attributes.ü,%"})),
        ),
        # An export says nothing of settings and presence, nor of a status that it does not state.
        (
            full(5, **ADA),
            [full(3, **ADA, status="active", settings={"a": 1}, presence={"status": "away"})],
            Compared(None),
        ),
        (full(5, status="blocked"), [full(3, status="active")], Compared("differing", frozenset({"status"}))),
        (
            full(5, settings={"a": 1}),
            [full(3), event("settings_updated", 8, settings={"a": 2})],
            Compared(None, newer=frozenset({"settings.a"})),
        ),
        (full(5, **ADA), [full(1, **ADA), deleted(3)], Compared("deleted_here")),
        (full(5, **ADA), [full(1, **ADA), deleted(8)], Compared(None)),
        (full(5, **ADA), [full(3, **ADA), deleted(5)], Compared(None)),
        (full(5, **ADA), [deleted(3), full(4, **ADA)], Compared(None)),
        (deleted(5), [full(3, **ADA)], Compared("deleted_there")),
        (deleted(5), [full(8, **ADA)], Compared(None)),
        (deleted(5), [], Compared(None)),
        (deleted(5), [deleted(3)], Compared(None)),
    ],
)
def test_a_user_is_compared_by_what_the_worker_would_do(
    exported: Event, history: list[Event], compared: Compared
) -> None:
    assert compare(exported, row_of(*history)) == compared


@pytest.mark.parametrize(
    ("history", "second"),
    [
        ([full(3)], 3),
        ([full(3), partial(8, user={"name": "x"})], 8),
        ([full(3), event("logged_in", 8)], 8),
        ([full(3), event("logged_out", 9), event("created", 7)], 9),
        ([full(3), event("status_changed", 8, presence={"status": "away"})], 8),
        ([partial(8, user={"name": "x"}), partial(9, attributes={"a": None})], 9),
    ],
)
def test_the_newest_thing_that_is_known_of_a_user(history: list[Event], second: int) -> None:
    row = row_of(*history)
    assert isinstance(row, UserRow)
    assert newest_of(row) == micros(second)


def test_of_a_row_that_says_nothing_nothing_is_known() -> None:
    row = row_of(partial(3))
    assert isinstance(row, UserRow)
    assert newest_of(row) == 0
