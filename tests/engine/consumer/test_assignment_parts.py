"""The parts of AssignmentState one by one: what each promises to the others."""

import pytest

from app.engine.consumer.assignment import AssignmentState, FetchDecision
from app.engine.consumer.attempts import SUSPECT
from app.engine.consumer.backpressure import BackpressureLimits
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.fetch_gate import FetchGate
from app.engine.consumer.gap_detector import GapDetector, GapVerdict
from app.engine.consumer.offset_tracker import OffsetTracker, SliceOrderError
from app.engine.slices import Partition

HERE: Partition = ("source", 0)
THERE: Partition = ("source", 1)


def opened(**offsets: int) -> AssignmentState:
    assignment_state = AssignmentState(BackpressureLimits(slices_per_partition=2, records_per_topic=25))
    assignment_state.begin_seek()
    assert assignment_state.sought({HERE: offsets.get("here", 0), THERE: offsets.get("there", 0)}) == {}
    assert assignment_state.open()
    return assignment_state


class TestOffsetTracker:
    def test_only_the_acknowledged_prefix_is_committable(self) -> None:
        offsets = OffsetTracker()
        slices = [offsets.dispatch(HERE, first, first + 9) for first in (0, 10, 20)]
        assert all(map(offsets.begin, slices))
        offsets.done(slices[1])
        assert offsets.committable() == {}
        offsets.done(slices[0])
        assert offsets.committable() == {HERE: 20}

    def test_what_a_refused_commit_carried_stays_committable(self) -> None:
        offsets = OffsetTracker()
        dispatched = offsets.dispatch(HERE, 0, 9)
        offsets.begin(dispatched)
        offsets.done(dispatched)
        assert offsets.committable() == offsets.committable() == {HERE: 10}
        offsets.committed({HERE: 10})
        assert offsets.committable() == {}

    def test_an_acknowledgement_after_the_partition_was_forgotten_counts_for_nothing(self) -> None:
        offsets = OffsetTracker()
        late = offsets.dispatch(HERE, 0, 9)
        offsets.begin(late)
        offsets.forget([HERE])
        again = offsets.dispatch(HERE, 0, 9)
        offsets.begin(again)
        assert not offsets.done(late)
        assert offsets.committable() == {}
        assert offsets.in_flight == 1

    def test_a_slice_that_was_taken_back_cannot_be_begun(self) -> None:
        offsets = OffsetTracker()
        begun, queued = offsets.dispatch(HERE, 0, 9), offsets.dispatch(HERE, 10, 19)
        offsets.begin(begun)
        assert offsets.take_back() == [queued]
        assert not offsets.begin(queued)
        assert offsets.in_flight == 1

    def test_slices_of_a_partition_are_begun_in_the_order_of_their_dispatch(self) -> None:
        offsets = OffsetTracker()
        offsets.dispatch(HERE, 0, 9)
        with pytest.raises(SliceOrderError):
            offsets.begin(offsets.dispatch(HERE, 10, 19))

    def test_only_the_last_slice_of_a_partition_can_be_put_back(self) -> None:
        offsets = OffsetTracker()
        first, second = offsets.dispatch(HERE, 0, 9), offsets.dispatch(HERE, 10, 19)
        offsets.begin(first)
        with pytest.raises(SliceOrderError):
            offsets.put_back(first)
        with pytest.raises(SliceOrderError):
            offsets.put_back(second)
        offsets.begin(second)
        offsets.put_back(second)
        assert (offsets.in_flight, offsets.slices_of(HERE), offsets.records_of("source")) == (1, 1, 10)

    def test_offsets_without_a_record_are_committable_at_once_if_nothing_is_on_its_way(self) -> None:
        offsets = OffsetTracker()
        offsets.pass_over(HERE, 7)
        assert offsets.committable() == {HERE: 7}
        offsets.committed({HERE: 7})
        assert offsets.committable() == {}

    def test_offsets_without_a_record_are_committable_together_with_the_slice_before_them(self) -> None:
        offsets = OffsetTracker()
        first, second = offsets.dispatch(HERE, 0, 4), offsets.dispatch(HERE, 5, 9)
        offsets.pass_over(HERE, 13)
        assert offsets.committable() == {}
        assert all(map(offsets.begin, (first, second)))
        offsets.done(first)
        assert offsets.committable() == {HERE: 5}
        offsets.done(second)
        assert offsets.committable() == {HERE: 13}
        assert offsets.records_of("source") == 0

    def test_offsets_after_a_slice_that_is_taken_back_are_not_committable(self) -> None:
        offsets = OffsetTracker()
        offsets.dispatch(HERE, 0, 4)
        offsets.pass_over(HERE, 9)
        offsets.take_back()
        assert offsets.committable() == {}
        assert offsets.records_of("source") == 0

    def test_a_log_that_was_truncated_under_a_slice_does_not_shorten_it(self) -> None:
        offsets = OffsetTracker()
        dispatched = offsets.dispatch(HERE, 90, 99)
        offsets.pass_over(HERE, 0)
        assert dispatched.last == 99

    def test_a_slice_that_is_cut_ends_before_the_cut(self) -> None:
        offsets = OffsetTracker()
        first, second = offsets.dispatch(HERE, 0, 9), offsets.dispatch(HERE, 10, 19)
        offsets.begin(first)
        with pytest.raises(SliceOrderError):
            offsets.cut(first, 4)
        with pytest.raises(SliceOrderError):
            offsets.cut(second, 14)
        offsets.begin(second)
        offsets.cut(second, 14)
        assert offsets.records_of("source") == 14
        assert offsets.done(first)
        assert offsets.done(second)
        assert offsets.committable() == {HERE: 14}
        assert offsets.records_of("source") == 0

    def test_bytes_count_until_the_slice_is_done(self) -> None:
        offsets = OffsetTracker()
        first = offsets.dispatch(HERE, 0, 9, size=100)
        offsets.dispatch(("other", 0), 0, 9, size=7)
        assert (offsets.bytes_of("source"), offsets.bytes_of()) == (100, 107)
        offsets.begin(first)
        offsets.done(first)
        assert (offsets.bytes_of("source"), offsets.bytes_of()) == (0, 7)

    def test_the_slice_that_has_not_moved_for_the_longest_time_is_found(self) -> None:
        offsets = OffsetTracker()
        assert offsets.least_moved() is None
        older, newer = offsets.dispatch(HERE, 0, 9, 1.0), offsets.dispatch(THERE, 0, 9, 2.0)
        assert offsets.least_moved() is older
        offsets.begin(newer)
        assert offsets.least_moved() is newer, "its agents are busy with the newer one"
        offsets.begin(older)
        assert offsets.least_moved() is older
        older.moved_at = 3.0
        assert offsets.least_moved() is newer
        newer.waits = True
        assert offsets.least_moved() is older
        older.waits = True
        assert offsets.least_moved() is None, "they wait for a slice that is done by now"

    def test_a_slice_that_was_never_begun_cannot_be_acknowledged(self) -> None:
        offsets = OffsetTracker()
        assert not offsets.done(offsets.dispatch(HERE, 0, 9))
        assert offsets.committable() == {}


class TestFetchGate:
    def test_opens_only_after_a_seek(self) -> None:
        gate = FetchGate()
        assert not gate.open()
        gate.begin_seek()
        assert not gate.open()
        gate.end_seek()
        assert gate.epoch() is None
        assert gate.open()
        assert gate.epoch() is not None

    def test_an_epoch_is_over_after_the_gate_has_closed(self) -> None:
        gate = FetchGate()
        gate.begin_seek()
        gate.end_seek()
        gate.open()
        epoch = gate.epoch()
        assert epoch is not None
        assert gate.admits(epoch)
        gate.begin_seek()
        gate.end_seek()
        gate.open()
        assert not gate.admits(epoch)

    def test_a_seek_that_was_overtaken_by_a_revoke_does_not_open_it(self) -> None:
        gate = FetchGate()
        gate.begin_seek()
        gate.close()
        gate.end_seek()
        assert not gate.open()


class TestGapDetector:
    def test_a_gap_is_believed_when_it_is_there_after_a_rewind(self) -> None:
        gaps = GapDetector()
        gaps.set_position(HERE, 5)
        assert gaps.check(HERE, 8) is GapVerdict.REREAD
        assert gaps.check(HERE, 8) is GapVerdict.REREAD
        gaps.rewound([HERE])
        assert gaps.check(HERE, 8) is GapVerdict.MISSING

    def test_a_gap_that_a_rewind_closes_was_none(self) -> None:
        gaps = GapDetector()
        gaps.set_position(HERE, 5)
        assert gaps.check(HERE, 8) is GapVerdict.REREAD
        gaps.rewound([HERE])
        assert gaps.check(HERE, 5) is GapVerdict.NEXT
        gaps.advance(HERE, 8)
        assert gaps.check(HERE, 9) is GapVerdict.REREAD

    def test_a_second_read_that_begins_elsewhere_is_itself_read_again(self) -> None:
        gaps = GapDetector()
        gaps.set_position(HERE, 0)
        assert gaps.check(HERE, 4) is GapVerdict.REREAD
        gaps.rewound([HERE])
        # The broker has deleted up to 4, and then a fetch was lost.
        assert gaps.check(HERE, 10) is GapVerdict.REREAD
        assert gaps.check(HERE, 10) is GapVerdict.REREAD
        gaps.rewound([HERE])
        assert gaps.check(HERE, 4) is GapVerdict.REREAD
        gaps.rewound([HERE])
        assert gaps.check(HERE, 4) is GapVerdict.MISSING

    def test_lower_offsets_after_a_rewind_mean_that_the_log_was_truncated(self) -> None:
        gaps = GapDetector()
        gaps.set_position(HERE, 500)
        assert gaps.check(HERE, 0) is GapVerdict.REREAD
        gaps.rewound([HERE])
        assert gaps.check(HERE, 0) is GapVerdict.TRUNCATED


class TestAssignmentState:
    def test_a_topic_is_full_if_one_of_its_partitions_has_no_room(self) -> None:
        state, other = opened(), ("other", 0)
        assert state.full_topics([HERE, THERE, other]) == set()
        for first in (0, 10):
            state.receive(state.start_fetch() or 0, HERE, first, first + 9)
        assert state.full_topics([HERE, THERE, other]) == {"source"}
        assert state.full_topics([THERE, other]) == set()

    def test_a_partition_whose_tables_must_not_be_used_stands_until_it_is_assigned_again(self) -> None:
        assignment_state = AssignmentState()
        assignment_state.assigned({HERE: (5, CommitNote()), THERE: (0, CommitNote())})
        assignment_state.withhold(HERE, "why")
        assignment_state.begin_seek()
        assignment_state.sought({HERE: 5, THERE: 0})
        assignment_state.seen(None)
        assignment_state.open()
        assert assignment_state.fetchable([HERE, THERE]) == {THERE}
        assert not any(note.reason for note in assignment_state.notes({HERE: 5}).values()), "not committed"
        assert assignment_state.resume(HERE[0]) == {HERE: "why"}
        assert assignment_state.fetchable([HERE, THERE]) == {THERE}, "it is not restored yet"
        assignment_state.forget([HERE])
        assert not assignment_state.paused.unrestored

    def test_a_gap_is_rewound_to_the_expected_offset(self) -> None:
        assignment_state = opened(here=5)
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assert assignment_state.receive(epoch, HERE, 7, 9) == (FetchDecision.REREAD, None)
        assert assignment_state.rewinds() == {HERE: 5}
        assert assignment_state.rewinds() == {}

    def test_what_was_read_without_a_record_is_no_gap_and_no_lag(self) -> None:
        assignment_state = opened(here=5)
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assert assignment_state.pass_over(epoch, HERE, 5, 8) is FetchDecision.DISPATCH
        assert assignment_state.committable() == {HERE: 8}
        decision, dispatched = assignment_state.receive(epoch, HERE, 8, 9)
        assert decision is FetchDecision.DISPATCH
        assert dispatched is not None
        assert assignment_state.check_position(epoch, HERE, 10) is FetchDecision.DISPATCH
        assert assignment_state.rewinds() == {}

    @pytest.mark.parametrize(
        ("position", "decision"), [(60, FetchDecision.MISSING), (0, FetchDecision.TRUNCATED)]
    )
    def test_a_position_that_was_reset_is_believed_after_a_second_read(
        self, position: int, decision: FetchDecision
    ) -> None:
        """All records of the partition are gone, so none comes that could show the gap."""
        assignment_state = opened(here=10)
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assert assignment_state.check_position(epoch, HERE, position) is FetchDecision.REREAD
        assert assignment_state.rewinds() == {HERE: 10}
        # The seek has just set it; the broker has not yet been asked.
        assert assignment_state.check_position(epoch, HERE, 10) is FetchDecision.DISPATCH
        assert assignment_state.check_position(epoch, HERE, position) is decision
        assert assignment_state.committable() == {HERE: position}
        assert assignment_state.check_position(epoch, HERE, position) is FetchDecision.DISPATCH

    def test_a_jump_that_nothing_read_explains_is_read_again(self) -> None:
        """A fetch was lost: the next one begins after it, with or without records."""
        assignment_state = opened(here=5)
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assert assignment_state.pass_over(epoch, HERE, 8, 9) is FetchDecision.REREAD
        assert assignment_state.receive(epoch, HERE, 9, 12) == (FetchDecision.STALE, None)
        assert assignment_state.committable() == {}
        assert assignment_state.rewinds() == {HERE: 5}

    def test_what_is_fetched_during_a_seek_is_sought_again(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assignment_state.begin_seek()
        assert assignment_state.receive(epoch, HERE, 0, 9) == (FetchDecision.STALE, None)
        assert assignment_state.rewinds() == {}
        assert assignment_state.sought({HERE: 3, THERE: 4}) == {HERE: 3}
        assert not assignment_state.open()
        assert assignment_state.sought({HERE: 3}) == {}
        assert assignment_state.open()

    def test_late_records_of_a_partition_that_went_away_do_not_delay_the_seek(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assignment_state.close()
        assignment_state.forget([HERE, THERE])
        assignment_state.begin_seek()
        assert assignment_state.receive(epoch, THERE, 0, 9) == (FetchDecision.STALE, None)
        assert assignment_state.sought({HERE: 3}) == {}
        assert assignment_state.open()

    def test_a_partition_with_enough_on_its_way_is_not_fetched(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        _, first = assignment_state.receive(epoch, HERE, 0, 4)
        assignment_state.receive(epoch, HERE, 5, 9)
        assert assignment_state.fetchable([HERE, THERE]) == {THERE}
        assert first is not None
        assignment_state.begin(first)
        assignment_state.done(first)
        assert assignment_state.fetchable([HERE, THERE]) == {HERE, THERE}

    def test_a_topic_with_enough_on_its_way_is_not_fetched_and_others_are(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assignment_state.receive(epoch, HERE, 0, 29)
        assert assignment_state.fetchable([HERE, THERE, ("other", 0)]) == {("other", 0)}

    def test_a_pause_takes_the_topic_back_to_its_first_slice_that_was_not_written(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        begun = [assignment_state.receive(epoch, HERE, first, first + 4)[1] for first in (0, 5)]
        _, there = assignment_state.receive(epoch, THERE, 0, 4)
        written, refused = begun
        assert written is not None
        assert refused is not None
        assert there is not None
        assert assignment_state.begin(written)
        assert assignment_state.begin(refused)
        assert assignment_state.pause(refused, "why") == [refused, there]
        assert not assignment_state.begin(there)
        assert assignment_state.fetchable([HERE, THERE]) == set()
        assert assignment_state.rewinds() == {HERE: 5, THERE: 0}
        # The slice in flight is finished, and committed together with the reason.
        assert assignment_state.in_flight == 1
        assert assignment_state.committable() == {HERE: 0, THERE: 0}
        assert assignment_state.done(written)
        assert assignment_state.committable() == {HERE: 5, THERE: 0}
        assignment_state.committed({HERE: 5, THERE: 0}, assignment_state.notes({HERE: 5, THERE: 0}))
        assert assignment_state.committable() == {}
        assert assignment_state.resume("source") == {HERE: "why", THERE: "why"}
        assert assignment_state.committable() == {HERE: 5, THERE: 0}
        assert assignment_state.fetchable([HERE, THERE]) == {HERE, THERE}

    def test_a_pause_in_the_middle_of_a_slice_commits_what_is_before_it(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        _, cut = assignment_state.receive(epoch, HERE, 0, 9)
        _, queued = assignment_state.receive(epoch, HERE, 10, 14)
        assert cut is not None
        assert assignment_state.begin(cut)
        assert assignment_state.pause(cut, "why", 4) == [queued]
        assert assignment_state.rewinds() == {HERE: 4, THERE: 0}
        assert assignment_state.committable() == {HERE: 0, THERE: 0}
        assert assignment_state.in_flight == 1
        assert assignment_state.done(cut)
        assert assignment_state.committable() == {HERE: 4, THERE: 0}
        assignment_state.resume("source")
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assert assignment_state.receive(epoch, HERE, 4, 9)[0] is FetchDecision.DISPATCH

    def test_a_topic_without_slices_is_fetched_whatever_the_others_have(self) -> None:
        assignment_state = AssignmentState(BackpressureLimits(bytes_in_all=100))
        other = ("other", 0)
        assignment_state.begin_seek()
        assignment_state.sought({HERE: 0, THERE: 0, other: 0})
        assignment_state.open()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        assignment_state.receive(epoch, HERE, 0, 9, size=99)
        assert assignment_state.fetchable([HERE, THERE, other]) == {HERE, THERE, other}
        _, second = assignment_state.receive(epoch, HERE, 10, 19, size=1)
        assert assignment_state.fetchable([HERE, THERE, other]) == {other}
        assert second is not None

    def test_a_reason_that_came_while_its_offset_was_being_committed_is_committed_after_it(self) -> None:
        assignment_state = opened()
        epoch = assignment_state.start_fetch()
        assert epoch is not None
        _, first = assignment_state.receive(epoch, HERE, 0, 4)
        _, second = assignment_state.receive(epoch, HERE, 5, 9)
        assert first is not None
        assert second is not None
        assert assignment_state.begin(first)
        assert assignment_state.done(first)
        offsets = assignment_state.committable()
        notes = assignment_state.notes(offsets)
        assert assignment_state.begin(second)
        assignment_state.pause(second, "why")
        assignment_state.committed(offsets, notes)
        assert assignment_state.committable() == {HERE: 5, THERE: 0}


def fetching_a_suspect() -> tuple[AssignmentState, int]:
    """Returns a state with one partition, a suspect of 400 records that is in work, and a fetch's epoch."""
    state = AssignmentState()
    state.assigned({HERE: (0, CommitNote(attempts=SUSPECT))})
    state.begin_seek()
    assert state.sought({HERE: 0}) == {}
    state.seen({HERE: 400})
    assert state.open()
    begin_and_commit(state)
    epoch = state.start_fetch()
    assert epoch is not None
    return state, epoch


def test_what_is_behind_the_end_of_a_short_slice_is_read_again_after_the_commit_that_moves_there() -> None:
    """Of a suspect, the offsets of a slice are bounded: the cause must be in those of which workers died."""
    state, epoch = fetching_a_suspect()
    assert state.pass_over(epoch, HERE, 0, 256) is FetchDecision.DISPATCH
    assert state.receive(epoch, HERE, 256, 300) == (FetchDecision.DISPATCH, None)
    assert state.rewinds() == {HERE: 256}
    assert state.committable() == {HERE: 256}
    begin_and_commit(state)
    begin_and_commit(state)
    _, dispatched = state.receive(epoch, HERE, 256, 300)
    assert dispatched is not None


def test_a_gap_before_what_is_behind_the_end_of_a_short_slice_is_said() -> None:
    state, epoch = fetching_a_suspect()
    assert state.receive(epoch, HERE, 300, 310) == (FetchDecision.REREAD, None)
    assert state.rewinds() == {HERE: 0}
    assert state.receive(epoch, HERE, 300, 310) == (FetchDecision.MISSING, None)
    assert state.rewinds() == {HERE: 300}
    assert state.committable() == {HERE: 300}


def begin_and_commit(state: AssignmentState) -> None:
    """Commits what is committable, and begins what a fetch has found, which is only one partition."""
    state.begin_attempts([HERE])
    offsets = state.committable()
    state.committed(offsets, state.notes(offsets))
