"""Random histories of one user. There are few times, ids and values, so that ties and collisions are
common, and every kind of event and of odd value that the decoder lets pass."""

import os
from typing import Any

from hypothesis import assume, settings
from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy

from app.canonical import EVENT_TYPES, Event
from app.state import NO_ROWS, Rows, apply, encode_loyalty, encode_user
from tests.state.events import at, event
from tests.state.oracle import is_promised

# A long run sets LAW_EXAMPLES to some thousands.
laws = settings(max_examples=int(os.environ.get("LAW_EXAMPLES", "120")))

_SCALARS = st.sampled_from(["a", "b", "é", "", 1, 1.0, True, False, 0, -0.0, 10**25, None, None])
_NESTED = st.sampled_from([{"x": 1, "y": [2]}, {"y": [2], "x": 1}, ["a"], [], {}])
_VALUES: SearchStrategy[Any] = st.one_of(_SCALARS, _SCALARS, _NESTED)
_ADDRESSES: SearchStrategy[Any] = st.one_of(
    st.sampled_from([None, None, "no object", {}]),
    st.dictionaries(st.sampled_from(["country", "locality"]), _VALUES, max_size=2),
)
_CLAIMS = st.fixed_dictionaries(
    {}, optional={"email": _VALUES, "name": _VALUES, "address": _ADDRESSES, "address.country": _VALUES}
)
_CHANGE = st.fixed_dictionaries(
    {"delta": st.sampled_from([1, -2])},
    optional={"balance": st.sampled_from([9, 111]), "reason": st.sampled_from(["a", "b"])},
)
_DATA = st.fixed_dictionaries(
    {"user": _CLAIMS},
    optional={
        "status": st.sampled_from(["active", "blocked", "deleted"]),
        "attributes": st.dictionaries(st.sampled_from(["roles", "x.y"]), _VALUES, max_size=2),
        "settings": st.dictionaries(st.sampled_from(["sound", "mail"]), _VALUES, max_size=2),
        "presence": st.sampled_from([{"status": "away"}, {"status": "online", "previous": "away"}]),
        "score": _CHANGE,
        "points": _CHANGE,
    },
)
_KINDS = st.sampled_from([kind.removeprefix("user.") for kind in EVENT_TYPES if kind != "user.deleted"])
_SECONDS = st.integers(0, 4)
_IDS = st.sampled_from("abc")


@st.composite
def _events(draw: st.DrawFn) -> Event:
    second = draw(_SECONDS)
    one_instant = (at(second), f"2024-01-01T00:00:0{second}Z", f"2024-01-01 01:00:0{second}.0000009+01:00")
    time = draw(st.sampled_from(one_instant))
    return event(draw(_KINDS), second, time=time, id=draw(_IDS), full=draw(st.booleans()), **draw(_DATA))


events: SearchStrategy[Event] = _events()
deletions: SearchStrategy[Event] = st.builds(event, st.just("deleted"), _SECONDS, id=_IDS)
histories: SearchStrategy[list[Event]] = st.lists(
    st.one_of(events, events, events, events, deletions), min_size=1, max_size=7
)


@st.composite
def promised_histories(draw: st.DrawFn) -> list[Event]:
    """Histories for which docs/tables.md#order promises that their order changes nothing."""
    history = draw(histories)
    assume(is_promised(history))
    return history


def replay(history: list[Event], rows: Rows = NO_ROWS) -> Rows:
    """The rows after the events in this order."""
    for it in history:
        user, loyalty, _ = apply(it, rows.user, rows.loyalty)
        rows = Rows(user, loyalty)
    return rows


def encoded(rows: Rows) -> tuple[bytes | None, bytes | None]:
    """The rows as the changelogs hold them. Tests compare these, because to Python 1, 1.0 and True are
    equal."""
    return (
        None if rows.user is None else encode_user(rows.user),
        None if rows.loyalty is None else encode_loyalty(rows.loyalty),
    )
