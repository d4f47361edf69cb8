"""The ledger against a model that knows the writer of every offset: an offset is a zombie's if it is neither
the worker's own nor read."""

from hypothesis import given
from hypothesis import strategies as st

from app.engine.tables.write_ledger import LogPartition, WriteLedger

LOG = LogPartition("toy-users-changelog", 3)

STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("ours"), st.integers(1, 4)),
        st.tuples(st.just("ours, offset unknown"), st.integers(1, 4)),
        st.tuples(st.just("theirs"), st.integers(1, 4)),
        st.tuples(st.just("scan"), st.just(0)),
        st.tuples(st.just("merge"), st.just(0)),
    ),
    max_size=40,
)


@given(st.integers(0, 5), STEPS)
def test_every_offset_of_a_zombie_is_named_once_and_ours_never(
    start: int, steps: list[tuple[str, int]]
) -> None:
    ledger = WriteLedger()
    ledger.begin(LOG, start)
    end = known = start  # the ledger knows of every offset below `known`
    ours: set[int] = set()
    zombie: set[int] = set()
    merged: list[int] = []

    def merge() -> None:
        for part in ledger.zombie_ranges():
            assert ledger.is_pending(part)
            merged.extend(range(part.first, part.end))
            ledger.merged(part)
            assert not ledger.is_pending(part)

    for step, count in steps:
        written = range(end, end + count)
        end += count
        match step:
            case "ours":
                assert ledger.acknowledged(LOG, written.start, count) == (known < written.start)
                known = end
                ours.update(written)
            case "ours, offset unknown":
                ledger.acknowledged(LOG, -1, count)
                zombie.update(written)
            case "theirs":
                zombie.update(written)
            case "scan":
                ledger.seen_end(LOG, end)
                known = end
            case _:
                merge()
    ledger.seen_end(LOG, end)
    merge()
    assert sorted(merged) == sorted(zombie)
    assert ours.isdisjoint(merged)


def test_a_range_of_a_partition_that_left_is_no_longer_ours_to_merge() -> None:
    ledger = WriteLedger()
    ledger.begin(LOG, 0)
    assert ledger.acknowledged(LOG, 5, 1)
    (part,) = ledger.zombie_ranges()
    ledger.forget(LOG)
    assert not ledger.is_pending(part)
    ledger.begin(LOG, 6)  # it came back, and the restore has read it
    assert not ledger.is_pending(part)
    ledger.merged(part)
    assert ledger.zombie_ranges() == []
    assert ledger.logs() == [LOG]


def test_a_partition_that_is_not_live_has_no_records_of_zombies() -> None:
    ledger = WriteLedger()
    assert not ledger.acknowledged(LOG, 5, 1)
    ledger.seen_end(LOG, 9)
    assert ledger.zombie_ranges() == []
