"""Attempts one by one; the machine in test_assignment_machine.py plays them together with all else."""

import pytest

from app.engine.consumer.attempts import CAREFUL, LAST, SUSPECT, Attempts
from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition

A: Partition = ("vendor", 0)
B: Partition = ("vendor", 1)
C: Partition = ("events", 0)


def assigned(**died: int) -> Attempts:
    """Returns attempts of A, B and C at offset 10 that have records, with these counts."""
    attempts = Attempts(span=100)
    for name, partition in {"a": A, "b": B, "c": C}.items():
        attempts.assigned(partition, 10, CommitNote(attempts=died.get(name, 0)))
    attempts.seen({A, B, C})
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
    assert attempts.note(B, 10) == (SUSPECT, 0)
    assert attempts.admits(A)
    attempts.dispatched(A)
    assert not attempts.admits(A)
    assert attempts.blocked() == {A, B}
    attempts.committed(A, 11)
    assert begin(attempts) == {B}


def test_the_suspect_of_which_fewer_have_died_goes_first() -> None:
    attempts = assigned(a=CAREFUL + 1, b=CAREFUL, c=SUSPECT)
    assert begin(attempts) == {C}


def test_after_the_fifth_death_a_partition_is_paused() -> None:
    attempts = Attempts()
    assert not attempts.assigned(A, 10, CommitNote(attempts=LAST - 1))
    assert attempts.assigned(B, 10, CommitNote(attempts=LAST))
    assert attempts.note(B, 10) == (0, 0)


def test_a_partition_that_killed_alone_is_careful_until_the_span_is_over() -> None:
    attempts = assigned(a=CAREFUL)
    begin(attempts)
    for partition in (B, C):
        attempts.committed(partition, 11)
    assert attempts.careful(A)
    assert begin(attempts) == {A}
    assert attempts.note(A, 10) == (CAREFUL + 1, 110)
    assert attempts.note(A, 11) == (CAREFUL, 110)
    attempts.committed(A, 11)
    assert attempts.careful(A)
    attempts.found([A])
    assert begin(attempts) == {A}
    attempts.committed(A, 110)
    assert not attempts.careful(A)
    assert attempts.note(A, 110) == (0, 0)


def test_the_span_is_kept_over_a_restart() -> None:
    attempts = Attempts(span=100)
    attempts.assigned(A, 50, CommitNote(attempts=CAREFUL, until=110))
    attempts.assigned(B, 50, CommitNote(attempts=CAREFUL))
    assert [attempts.note(each, 50) for each in (A, B)] == [(CAREFUL, 110), (CAREFUL, 150)]


def test_a_partition_without_records_is_not_counted_and_begins_with_its_first_ones() -> None:
    attempts = Attempts()
    attempts.assigned(A, 10, CommitNote())
    attempts.seen(set())
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
    assert attempts.note(A, 10) == (3, 0)
    assert attempts.end([A, B]) == {A: 10, B: 10}
    assert attempts.note(A, 10) == (2, 0)
    assert attempts.seen({B}) == [A]
    assert [attempts.note(each, 10)[0] for each in (A, B, C)] == [0, 2, 2]


def test_if_nobody_knows_what_has_records_counts_stay() -> None:
    attempts = Attempts()
    attempts.assigned(A, 10, CommitNote(attempts=2))
    attempts.begin([A])
    attempts.end([A])
    assert attempts.seen(None) == []
    assert attempts.note(A, 10) == (2, 0)


def test_a_suspect_without_records_loses_its_turn() -> None:
    attempts = assigned(a=SUSPECT, b=SUSPECT)
    begin(attempts)
    attempts.committed(C, 11)
    assert begin(attempts) == {A}
    assert attempts.give_up([A], 1.0) == {}
    assert attempts.give_up([A], 100.0) == {A: 10}
    assert attempts.note(A, 10) == (SUSPECT, 0)
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
