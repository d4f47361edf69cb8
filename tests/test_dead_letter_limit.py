"""When a vendor is paused because too many of its latest records are dead."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.dead_letter_limit import DeadLetterLimit, DeadShare
from app.engine import Slice


class Line(NamedTuple):
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def dead_of(outcomes: str) -> list[int]:
    """Returns the indices of the dead records in a text: `d` is a dead record, `.` any other."""
    return [index for index, outcome in enumerate(outcomes) if outcome == "d"]


def exceeds(share: DeadShare, outcomes: str) -> bool:
    return share.exceeds(len(outcomes), dead_of(outcomes))


@pytest.mark.parametrize(
    ("slices", "verdict"),
    [
        (["ddddd"], False),  # not yet enough records
        (["dddddd...."], True),
        (["ddddd....."], False),  # half is not more than half
        (["dddddd", "..."], False),
        (["dddddd", "...", "."], True),  # the record that fills the window is not dead
        (["....." * 100, "ddddd"], False),
        (["....." * 100, "dddddd"], True),
        (["dddddd...." + "." * 1000], True),  # at any position in a slice
        (["." * 1000 + "dddddd" + "." * 1000], True),
        (["d...." * 1000], False),
        (["dd.d.d.dd." * 1000], True),
        (["d.", "d."] * 1000, False),
    ],
)
def test_more_than_half_of_ten_in_a_row(slices: Sequence[str], verdict: bool) -> None:
    share = DeadShare(0.5, 10)
    assert any(exceeds(share, outcomes) for outcomes in slices) is verdict


@given(
    st.text("d.", max_size=60),
    st.lists(st.integers(0, 60), max_size=4),
    st.sampled_from([0.0, 0.29, 0.5, 1.0]),
)
def test_it_is_what_the_words_say_however_the_records_are_sliced(
    outcomes: str, cuts: list[int], limit: float
) -> None:
    window, share = 10, DeadShare(limit, 10)
    runs = [outcomes[end - window : end] for end in range(window, len(outcomes) + 1)]
    expected = any(run.count("d") / window > limit for run in runs)
    ends = [0, *sorted(min(cut, len(outcomes)) for cut in cuts), len(outcomes)]
    slices = [outcomes[begin:end] for begin, end in pairwise(ends)]
    assert any(exceeds(share, each) for each in slices) == expected


def test_a_share_of_one_is_never_exceeded() -> None:
    assert not exceeds(DeadShare(1.0, 10), "d" * 1000)


def test_after_a_restart_the_window_has_to_fill_again() -> None:
    share = DeadShare(0.5, 10)
    assert exceeds(share, "d" * 10)
    share.restart()
    assert not exceeds(share, "d" * 9)
    assert exceeds(share, "d")


def slice_of(partition: int, first: int, count: int) -> Slice:
    return Slice("t", partition, [Line(offset) for offset in range(first, first + count)])


def all_dead(records: Slice) -> range:
    return range(len(records))


def test_what_led_to_a_hold_passes_when_the_vendor_is_resumed() -> None:
    limit = DeadLetterLimit(0.5, 10)
    paused, others = slice_of(3, 100, 20), slice_of(4, 50, 20)
    reason = limit.observe(paused, all_dead(paused))
    assert reason is not None
    limit.resume({("t", 3): reason, ("t", 4): reason})
    assert limit.observe(paused, all_dead(paused)) is None
    assert limit.observe(others, all_dead(others)) is not None


def test_it_passes_after_a_restart_too_however_it_is_sliced_then() -> None:
    paused = slice_of(3, 100, 20)
    reason = DeadLetterLimit(0.5, 10).observe(paused, all_dead(paused))
    assert reason is not None
    limit = DeadLetterLimit(0.5, 10)
    limit.resume({("t", 3): reason})
    for first, count, new in ((95, 10, 0), (105, 20, 5), (125, 4, 4)):
        records = slice_of(3, first, count)
        assert limit.observe(records, all_dead(records)) is None, f"{new} of {count} count"
    last = slice_of(3, 129, 1)
    assert limit.observe(last, all_dead(last)) is not None


def test_a_note_of_somebody_else_lets_nothing_pass() -> None:
    limit = DeadLetterLimit(0.5, 10)
    limit.resume({("t", 3): "x", ("t", 4): "dead letters up to 4/" + "9" * 30})
    records = slice_of(4, 0, 10)
    assert limit.observe(records, all_dead(records)) is not None


REDRIVEN = (("x-attempt", b"1"),)


@pytest.mark.parametrize(
    "headers",
    [REDRIVEN, (("X-Attempt", b"7"),), (("tenant", b"a"), ("x-attempt", b"many")), (*REDRIVEN, ("x", b""))],
)
def test_records_that_were_sent_in_again_do_not_count(headers: tuple[tuple[str, bytes], ...]) -> None:
    limit = DeadLetterLimit(0.5, 10)
    again = Slice("t", 0, [Line(offset, headers=headers) for offset in range(1000)])
    assert limit.observe(again, all_dead(again)) is None
    # They count neither as dead nor as others: only nine of these records count, and the window is ten.
    records = [Line(1000 + index, headers=headers if index % 2 else ()) for index in range(18)]
    assert limit.observe(Slice("t", 0, records), range(18)) is None
    assert limit.observe(Slice("t", 0, [Line(1018)]), [0]) is not None


@pytest.mark.parametrize("headers", [(), (("x-attempt", b""),), (*REDRIVEN, ("x-attempt", b""))])
def test_an_attempt_that_is_empty_is_none(headers: tuple[tuple[str, bytes], ...]) -> None:
    records = Slice("t", 0, [Line(offset, headers=headers) for offset in range(10)])
    assert DeadLetterLimit(0.5, 10).observe(records, all_dead(records)) is not None


@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_it_is_as_if_they_were_not_there(lines: list[tuple[bool, bool]]) -> None:
    """`lines`: for each record whether it was sent in again, and whether it is dead."""
    records = [Line(offset, headers=REDRIVEN if again else ()) for offset, (again, _) in enumerate(lines)]
    dead = [index for index, (_, is_dead) in enumerate(lines) if is_dead]
    without = [is_dead for again, is_dead in lines if not again]
    expected = DeadShare(0.5, 10).exceeds(
        len(without), [index for index, is_dead in enumerate(without) if is_dead]
    )
    if lines:
        assert (DeadLetterLimit(0.5, 10).observe(Slice("t", 0, records), dead) is not None) is expected


@pytest.mark.parametrize(("late", "verdict"), [(4, False), (5, False), (6, True), (100, True)])
def test_what_a_broker_refused_counts_for_the_next_verdict(late: int, verdict: bool) -> None:
    share = DeadShare(0.5, 10)
    assert not exceeds(share, "." * 30)
    share.add_dead(late)
    assert exceeds(share, ".") is verdict
    assert not exceeds(share, "." * 10)


def test_what_was_refused_before_a_restart_is_forgotten() -> None:
    share = DeadShare(0.5, 10)
    assert exceeds(share, "d" * 10)
    share.restart()
    share.add_dead(10)
    assert not exceeds(share, "." * 10)


def test_what_a_broker_refused_of_a_redrive_does_not_count_either() -> None:
    for headers, paused in ((REDRIVEN, False), ((), True)):
        limit = DeadLetterLimit(0.5, 10)
        own = slice_of(0, 0, 10)
        assert limit.observe(own, []) is None
        again = Slice("t", 0, [Line(10 + index, headers=headers) for index in range(10)])
        assert limit.observe(again, []) is None
        limit.add_dead(again, range(10))
        assert (limit.observe(slice_of(0, 20, 1), []) is not None) is paused


def test_what_an_operator_let_pass_does_not_count_if_a_broker_refuses_it() -> None:
    paused = slice_of(0, 0, 10)
    limit = DeadLetterLimit(0.5, 10)
    reason = limit.observe(paused, all_dead(paused))
    assert reason is not None
    limit.resume({("t", 0): reason})
    assert limit.observe(slice_of(0, 10, 10), []) is None
    assert limit.observe(paused, []) is None
    limit.add_dead(paused, range(10))
    assert limit.observe(slice_of(0, 20, 1), []) is None
