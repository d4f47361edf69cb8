"""Attempts one by one; the machine in test_assignment_machine.py plays them together with all else."""

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.engine.consumer.attempts import LAST, SUSPECT, Attempts
from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition

A: Partition = ("vendor", 0)
B: Partition = ("vendor", 1)
C: Partition = ("events", 0)
SPAN = 4_000
ENDS: Mapping[Partition, int] = dict.fromkeys((A, B, C), 1_000_000)


def assigned(**died: int) -> Attempts:
    """Returns attempts of A, B and C at offset 10 that have records, with these counts."""
    attempts = Attempts(SPAN)
    for name, partition in {"a": A, "b": B, "c": C}.items():
        attempts.assigned(partition, 10, CommitNote(attempts=died.get(name, 0)))
    attempts.seen(ENDS)
    return attempts


def begin(attempts: Attempts) -> set[Partition]:
    """Begins what is due and commits it."""
    due = attempts.due(())
    for partition, offset in attempts.begin(due).items():
        attempts.committed(partition, offset)
    return due


def test_all_that_is_no_suspect_begins_in_one_commit_and_is_counted() -> None:
    attempts = assigned(b=1)
    assert not attempts.admits(A)
    assert begin(attempts) == {A, B, C}
    assert attempts.admits(A)
    assert [attempts.note(each, 10) for each in (A, B, C)] == [(1, 0), (2, 0), (1, 0)]
    assert attempts.note(A, 11) == (0, 0)


def test_a_commit_that_moves_a_partition_ends_its_attempt() -> None:
    attempts = assigned(a=1)
    begin(attempts)
    attempts.committed(A, 12)
    assert not attempts.in_work(A)
    assert attempts.note(A, 12) == (0, 0)
    assert attempts.admits(A)


def test_suspects_begin_one_at_a_time_after_all_others() -> None:
    attempts = assigned(a=SUSPECT, b=SUSPECT)
    assert begin(attempts) == {C}
    assert begin(attempts) == set()
    attempts.committed(C, 11)
    assert begin(attempts) == {A}
    assert begin(attempts) == set()
    assert attempts.note(B, 10) == (SUSPECT, 10 + SPAN)
    assert attempts.admits(A)
    attempts.dispatched(A)
    assert not attempts.admits(A)
    assert attempts.blocked() == {A, B}
    attempts.committed(A, 11)
    assert begin(attempts) == {B}


def test_the_suspect_of_which_fewer_have_died_goes_first() -> None:
    attempts = assigned(a=SUSPECT + 2, b=SUSPECT + 1, c=SUSPECT)
    assert begin(attempts) == {C}


def test_after_the_fifth_death_a_partition_is_paused() -> None:
    attempts = Attempts()
    assert not attempts.assigned(A, 10, CommitNote(attempts=LAST - 1))
    assert attempts.assigned(B, 10, CommitNote(attempts=LAST))
    assert attempts.note(B, 10) == (0, 0)


def test_a_suspect_is_read_in_short_slices_until_it_has_passed_the_cause() -> None:
    attempts = assigned(a=SUSPECT)
    begin(attempts)
    for partition in (B, C):
        attempts.committed(partition, 11)
    assert begin(attempts) == {A}
    assert attempts.note(A, 10) == (SUSPECT + 1, 10 + SPAN)
    assert (attempts.slice_end(A), attempts.records(A)) == (266, 256)
    assert attempts.note(A, 266) == (SUSPECT, 10 + SPAN)
    attempts.committed(A, 266)
    assert attempts.slice_end(A) == 522
    attempts.found([A])
    assert begin(attempts) == {A}
    assert attempts.note(A, 10 + SPAN) == (0, 0)
    attempts.committed(A, 10 + SPAN)
    assert (attempts.slice_end(A), attempts.records(A)) == (None, SPAN)


@pytest.mark.parametrize(
    ("died", "noted", "until", "slice_end"),
    [
        (SUSPECT, 0, 50 + SPAN, 306),
        (SUSPECT, 300, 300, 300),
        (SUSPECT + 1, 50 + SPAN, 306, 66),
        (SUSPECT + 1, 60, 60, 60),
        (SUSPECT + 2, 306, 66, 51),
        pytest.param(SUSPECT + 1, 0, 306, 66, id="an earlier version's, whose third attempt had a slice"),
        pytest.param(SUSPECT + 2, 50 + SPAN, 66, 51, id="an earlier version's, in which four had the record"),
        pytest.param(SUSPECT, 20, 50 + SPAN, 306, id="somebody else's, before the offset"),
    ],
)
def test_each_death_of_a_suspect_leaves_a_sixteenth_of_the_offsets(
    died: int, noted: int, until: int, slice_end: int
) -> None:
    attempts = Attempts(SPAN)
    attempts.assigned(A, 50, CommitNote(attempts=died, until=noted))
    assert attempts.note(A, 50) == (died, until)
    assert attempts.slice_end(A) == slice_end


@given(st.integers(0, SPAN - 1))
def test_the_fifth_attempt_has_only_the_record_of_which_workers_die(poison: int) -> None:
    offset, note, deaths, commits, last_slice = 0, CommitNote(), 0, 0, range(0)
    while True:
        attempts = Attempts(SPAN)
        if attempts.assigned(A, offset, note):
            break
        attempts.seen({A: 10 * SPAN})
        while True:
            assert begin(attempts) == {A}
            note = CommitNote(attempts=attempts.note(A, offset)[0], until=attempts.note(A, offset)[1])
            last_slice = range(offset, offset + attempts.records(A))
            if poison in last_slice:
                deaths += 1
                break
            offset, commits = last_slice.stop, commits + 1
            attempts.committed(A, offset)
            attempts.found([A])
    assert (deaths, last_slice, offset) == (LAST, range(poison, poison + 1), poison)
    assert commits <= 3 * 15


def test_a_suspect_has_no_cause_behind_the_end_that_the_log_had() -> None:
    attempts = Attempts(SPAN)
    attempts.assigned(A, 10, CommitNote(attempts=SUSPECT))
    attempts.seen({A: 12})
    assert begin(attempts) == {A}
    attempts.committed(A, 12)
    assert attempts.note(A, 12) == (0, 0)
    assert attempts.slice_end(A) is None


def test_a_partition_without_records_is_not_counted_and_begins_with_its_first_ones() -> None:
    attempts = Attempts()
    attempts.assigned(A, 10, CommitNote())
    attempts.seen({})
    assert begin(attempts) == set()
    assert A not in attempts.blocked()
    assert not attempts.admits(A)
    attempts.found([A])
    assert begin(attempts) == {A}


def test_tables_of_suspects_are_restored_one_after_the_other() -> None:
    attempts = assigned(b=SUSPECT + 1, c=SUSPECT)
    assert attempts.turns([A, B, C]) == [{A}, {C}, {B}]


def test_a_restore_that_is_survived_with_nothing_to_handle_ends_the_count() -> None:
    attempts = Attempts()
    for partition in (A, B, C):
        attempts.assigned(partition, 10, CommitNote(attempts=2))
    attempts.begin([A, B])
    assert attempts.note(A, 10)[0] == 3
    assert attempts.end([A, B]) == {A: 10, B: 10}
    assert attempts.note(A, 10)[0] == 2
    assert attempts.seen({B: 11}) == [A]
    assert [attempts.note(each, 10)[0] for each in (A, B, C)] == [0, 2, 2]


def test_if_nobody_knows_what_has_records_counts_stay() -> None:
    attempts = Attempts()
    attempts.assigned(A, 10, CommitNote(attempts=2))
    attempts.begin([A])
    attempts.end([A])
    assert attempts.seen(None) == []
    assert attempts.note(A, 10)[0] == 2


def test_a_suspect_without_records_loses_its_turn() -> None:
    attempts = assigned(a=SUSPECT, b=SUSPECT)
    begin(attempts)
    attempts.committed(C, 11)
    assert begin(attempts) == {A}
    assert attempts.give_up([A], 1.0) == {}
    assert attempts.give_up([A], 100.0) == {A: 10}
    assert attempts.note(A, 10)[0] == SUSPECT
    assert begin(attempts) == {B}


def test_what_is_stopped_is_not_begun() -> None:
    attempts = assigned()
    assert attempts.due({A}) == {B, C}


def test_a_resumed_partition_begins_at_zero() -> None:
    attempts = Attempts()
    attempts.assigned(A, 10, CommitNote(reason="why", attempts=4))
    attempts.resumed(A)
    assert attempts.note(A, 10) == (0, 0)
    assert begin(attempts) == set(), "it may be idle"
    attempts.found([A])
    assert begin(attempts) == {A}


@pytest.mark.parametrize("offset", [0, 5])
def test_a_log_that_was_created_again_moves_its_partition(offset: int) -> None:
    attempts = assigned(a=1)
    begin(attempts)
    attempts.committed(A, offset)
    assert attempts.note(A, offset) == (0, 0)
