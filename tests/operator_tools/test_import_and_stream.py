"""An export beside its own stream, with the real mappers: the rows are the join of both, in any order."""

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from app.canonical import Event
from app.state import DeletedUser, Rows, UserRow, merge
from tests.operator_tools.exports import EXPORTED, WITH_TIME, WITHOUT_TIME, Json, imported, streamed
from tests.state.histories import encoded, replay
from tests.state.oracle import is_promised

pytestmark = pytest.mark.untraced

SUB = "42"
_NAMES = st.sampled_from(["ada", "bo", "cy"])
_SECONDS = st.integers(1, 6)
# What happens to the user: the webhook's snapshot, a deletion, a line of an export.
_KINDS = st.sampled_from(["stream", "stream", "stream", "deletion", "export", "export"])
_HISTORIES = st.lists(st.tuples(_KINDS, _NAMES, _SECONDS, st.integers(0, 3)), min_size=2, max_size=7)
examples = settings(max_examples=60)


def events_of(vendor: str, history: list[tuple[str, str, int, int]]) -> tuple[list[Event], list[Event]]:
    """The events of the stream, and those of the exports. An export begins up to three seconds after the row
    of its user was changed."""
    it, stream, exports = EXPORTED[vendor], list[Event](), list[Event]()
    for number, (kind, name, second, later) in enumerate(history):
        if kind == "export":
            exports.append(imported(vendor, it.user(SUB, name, second), as_of=second + later))
        elif kind == "deletion":
            stream.append(streamed(vendor, it.deletion(SUB, second)))
        else:
            stream.append(streamed(vendor, it.body(it.user(SUB, name, second), second, number)))
    return stream, exports


@pytest.mark.parametrize("vendor", EXPORTED)
@examples
@given(history=_HISTORIES, data=st.data())
def test_any_interleaving_gives_the_join_of_export_and_stream(
    vendor: str, history: list[tuple[str, str, int, int]], data: st.DataObject
) -> None:
    stream, exports = events_of(vendor, history)
    together = stream + exports
    assume(is_promised(together))
    repeats = data.draw(st.lists(st.sampled_from(together), max_size=3))
    delivered = data.draw(st.permutations(together + repeats))
    join = merge(replay(stream), replay(exports))
    assert encoded(replay(delivered)) == encoded(join)


@pytest.mark.parametrize("vendor", WITH_TIME)
@examples
@given(history=_HISTORIES, data=st.data())
def test_objects_of_the_stream_with_their_own_time_change_no_byte_of_a_row(
    vendor: str, history: list[tuple[str, str, int, int]], data: st.DataObject
) -> None:
    stream, _ = events_of(vendor, [(*each,) for each in history if each[0] != "export"])
    sent = [(name, second) for kind, name, second, _ in history if kind == "stream"]
    assume(sent and is_promised(stream))
    some = data.draw(st.lists(st.sampled_from(sent), min_size=1, max_size=3))
    exports = [imported(vendor, EXPORTED[vendor].user(SUB, *each)) for each in some]
    delivered = data.draw(st.permutations(stream + exports))
    assert encoded(replay(delivered)) == encoded(replay(stream))


@pytest.mark.parametrize("vendor", WITHOUT_TIME)
@examples
@given(
    before=st.dictionaries(st.integers(1, 9), _NAMES, min_size=1, max_size=3),
    after=st.dictionaries(st.integers(20, 29), _NAMES, max_size=2),
    as_of=st.integers(10, 19),
    data=st.data(),
)
def test_an_export_that_equals_the_stream_when_it_began_changes_no_value(
    vendor: str, before: dict[int, str], after: dict[int, str], as_of: int, data: st.DataObject
) -> None:
    """Only stamps and `updated_at` differ: the export says that all was so when it began."""
    it = EXPORTED[vendor]
    stream = [
        streamed(vendor, it.body(it.user(SUB, name, second), second, second))
        for second, name in (before | after).items()
    ]
    export = imported(vendor, it.user(SUB, before[max(before)], 0), as_of=as_of)
    delivered = data.draw(st.permutations([*stream, export, export]))
    assert values(replay(delivered)) == values(replay(stream))
    if after:
        assert encoded(replay(delivered)) == encoded(replay(stream))


def values(rows: Rows) -> Json:
    """The row without what says when its values were so."""
    row: Any = msgspec.to_builtins(rows.user)
    return {name: value for name, value in row.items() if name not in ("as_of", "stamps", "updated_at")}


def test_magines_partial_updates_join_with_an_export() -> None:
    created = {"userId": SUB, "name": "ada", "email": "ada@example.com", "country": "SE"}
    changed = {"userId": SUB, "email": "new@example.com"}
    stream = [
        streamed("magine", {"type": "user.created", "timestamp": "2024-01-01T00:00:01Z", "data": created}),
        streamed("magine", {"type": "user.updated", "timestamp": "2024-01-01T00:00:03Z", "data": changed}),
    ]
    for as_of, email in ((2, "new@example.com"), (4, "ada@example.com")):
        export = imported("magine", created, as_of=as_of)
        for order in ([*stream, export], [export, *stream], [stream[1], export, stream[0]]):
            user = replay(order).user
            assert isinstance(user, UserRow)
            assert user.profile["email"] == email
            assert user.profile["name"] == "ada"
            assert user.complete
    assert values(replay([*stream, imported("magine", created | changed, as_of=4)])) == values(replay(stream))


@pytest.mark.parametrize("vendor", WITHOUT_TIME)
def test_a_later_time_than_the_beginning_of_the_export_would_revive_a_user(vendor: str) -> None:
    it = EXPORTED[vendor]
    began, deleted, ended = 10, 15, 20
    seen = it.user(SUB, "ada", began)  # read before the user was deleted
    stream = [streamed(vendor, it.body(seen, 1, 1)), streamed(vendor, it.deletion(SUB, deleted))]

    def rows_with(as_of: int, join: Callable[[list[Event], Event], list[Event]]) -> Rows:
        return replay(join(stream, imported(vendor, seen, as_of=as_of)))

    orders: list[Callable[[list[Event], Event], list[Event]]] = [
        lambda events, export: [*events, export],
        lambda events, export: [export, *events],
        lambda events, export: [events[0], export, events[1]],
    ]
    for order in orders:
        assert isinstance(rows_with(began, order).user, DeletedUser)
        assert encoded(rows_with(began, order)) == encoded(replay(stream))
        assert isinstance(rows_with(ended, order).user, UserRow)


@pytest.mark.parametrize("vendor", WITH_TIME)
def test_a_rows_own_time_counts_though_the_export_began_later(vendor: str) -> None:
    it = EXPORTED[vendor]
    seen = it.user(SUB, "ada", 5)
    stream = [streamed(vendor, it.body(seen, 5, 1)), streamed(vendor, it.deletion(SUB, 8))]
    assert isinstance(replay([*stream, imported(vendor, seen, as_of=20)]).user, DeletedUser)
