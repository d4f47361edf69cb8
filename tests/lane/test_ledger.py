"""Foreign is what is neither ours nor read: against a model that knows every offset's writer."""

from hypothesis import given
from hypothesis import strategies as st

from app.lane.ledger import LogPartition, WriteLedger

LOG = LogPartition("toy-users-changelog", 3)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ours"), st.integers(1, 4)),
        st.tuples(st.just("ours, place unknown"), st.integers(1, 4)),
        st.tuples(st.just("theirs"), st.integers(1, 4)),
        st.tuples(st.just("patrol"), st.just(0)),
        st.tuples(st.just("merge"), st.just(0)),
    ),
    max_size=40,
)


@given(st.integers(0, 5), STEPS)
def test_every_foreign_offset_is_named_once_and_ours_never(start: int, steps: list[tuple[str, int]]) -> None:
    ledger = WriteLedger()
    ledger.begin(LOG, start)
    end = told = start  # `told`: the ledger has heard of every offset below
    ours: set[int] = set()
    foreign: set[int] = set()
    merged: list[int] = []

    def merge() -> None:
        for part in ledger.foreign():
            assert ledger.is_pending(part)
            merged.extend(range(part.first, part.end))
            ledger.merged(part)
            assert not ledger.is_pending(part)

    for step, count in steps:
        written = range(end, end + count)
        end += count
        match step:
            case "ours":
                assert ledger.acknowledged(LOG, written.start, count) == (told < written.start)
                told = end
                ours.update(written)
            case "ours, place unknown":
                ledger.acknowledged(LOG, -1, count)
                foreign.update(written)
            case "theirs":
                foreign.update(written)
            case "patrol":
                ledger.seen_end(LOG, end)
                told = end
            case _:
                merge()
    ledger.seen_end(LOG, end)
    merge()
    assert sorted(merged) == sorted(foreign)
    assert ours.isdisjoint(merged)


def test_a_range_of_a_partition_that_left_is_no_longer_ours_to_merge() -> None:
    ledger = WriteLedger()
    ledger.begin(LOG, 0)
    assert ledger.acknowledged(LOG, 5, 1)
    (part,) = ledger.foreign()
    ledger.forget(LOG)
    assert not ledger.is_pending(part)
    ledger.begin(LOG, 6)  # it came back, and recovery has read it
    assert not ledger.is_pending(part)
    ledger.merged(part)
    assert ledger.foreign() == []
    assert ledger.logs() == [LOG]


def test_a_partition_that_is_not_live_has_no_foreign_records() -> None:
    ledger = WriteLedger()
    assert not ledger.acknowledged(LOG, 5, 1)
    ledger.seen_end(LOG, 9)
    assert ledger.foreign() == []
