"""The parts of the desk one by one: what each promises to the others."""

import pytest

from app.lane.continuity import Continuity, Verdict
from app.lane.desk import PartitionDesk, Pressure, Reception
from app.lane.gate import FetchGate
from app.lane.offsets import OffsetBook, SliceOrderError
from app.lane.slices import Partition

HERE: Partition = ("source", 0)
THERE: Partition = ("source", 1)


def opened(**offsets: int) -> PartitionDesk:
    desk = PartitionDesk(Pressure(slices_per_partition=2, records_per_topic=25))
    desk.begin_seek()
    assert desk.sought({HERE: offsets.get("here", 0), THERE: offsets.get("there", 0)}) == {}
    assert desk.resume()
    return desk


class TestOffsetBook:
    def test_only_the_acknowledged_prefix_is_committable(self) -> None:
        book = OffsetBook()
        flights = [book.dispatch(HERE, first, first + 9) for first in (0, 10, 20)]
        assert all(map(book.begin, flights))
        book.done(flights[1])
        assert book.committable() == {}
        book.done(flights[0])
        assert book.committable() == {HERE: 20}

    def test_what_a_refused_commit_carried_stays_committable(self) -> None:
        book = OffsetBook()
        flight = book.dispatch(HERE, 0, 9)
        book.begin(flight)
        book.done(flight)
        assert book.committable() == book.committable() == {HERE: 10}
        book.committed({HERE: 10})
        assert book.committable() == {}

    def test_an_acknowledgement_after_the_partition_was_forgotten_counts_for_nothing(self) -> None:
        book = OffsetBook()
        late = book.dispatch(HERE, 0, 9)
        book.begin(late)
        book.forget([HERE])
        again = book.dispatch(HERE, 0, 9)
        book.begin(again)
        assert not book.done(late)
        assert book.committable() == {}
        assert book.in_flight == 1

    def test_a_slice_that_was_taken_back_cannot_be_begun(self) -> None:
        book = OffsetBook()
        begun, queued = book.dispatch(HERE, 0, 9), book.dispatch(HERE, 10, 19)
        book.begin(begun)
        assert book.take_back() == [queued]
        assert not book.begin(queued)
        assert book.in_flight == 1

    def test_slices_of_a_partition_are_begun_in_the_order_of_their_dispatch(self) -> None:
        book = OffsetBook()
        book.dispatch(HERE, 0, 9)
        with pytest.raises(SliceOrderError):
            book.begin(book.dispatch(HERE, 10, 19))

    def test_only_the_last_slice_of_a_partition_can_be_put_back(self) -> None:
        book = OffsetBook()
        first, second = book.dispatch(HERE, 0, 9), book.dispatch(HERE, 10, 19)
        book.begin(first)
        with pytest.raises(SliceOrderError):
            book.put_back(first)
        with pytest.raises(SliceOrderError):
            book.put_back(second)
        book.begin(second)
        book.put_back(second)
        assert (book.in_flight, book.slices_of(HERE), book.records_of("source")) == (1, 1, 10)

    def test_a_slice_that_was_never_begun_cannot_be_acknowledged(self) -> None:
        book = OffsetBook()
        assert not book.done(book.dispatch(HERE, 0, 9))
        assert book.committable() == {}


class TestFetchGate:
    def test_opens_only_after_a_seek(self) -> None:
        gate = FetchGate()
        assert not gate.open()
        gate.begin_seek()
        assert not gate.open()
        gate.end_seek()
        assert gate.ticket() is None
        assert gate.open()
        assert gate.ticket() is not None

    def test_a_ticket_is_void_after_the_gate_has_closed(self) -> None:
        gate = FetchGate()
        gate.begin_seek()
        gate.end_seek()
        gate.open()
        ticket = gate.ticket()
        assert ticket is not None
        assert gate.admits(ticket)
        gate.begin_seek()
        gate.end_seek()
        gate.open()
        assert not gate.admits(ticket)

    def test_a_seek_that_was_overtaken_by_a_revoke_does_not_open_it(self) -> None:
        gate = FetchGate()
        gate.begin_seek()
        gate.close()
        gate.end_seek()
        assert not gate.open()


class TestContinuity:
    def test_a_hole_is_believed_when_it_is_there_after_a_rewind(self) -> None:
        continuity = Continuity()
        continuity.place(HERE, 5)
        assert continuity.check(HERE, 8) is Verdict.REREAD
        assert continuity.check(HERE, 8) is Verdict.REREAD
        continuity.rewound([HERE])
        assert continuity.check(HERE, 8) is Verdict.HOLE

    def test_a_gap_that_a_rewind_closes_was_none(self) -> None:
        continuity = Continuity()
        continuity.place(HERE, 5)
        assert continuity.check(HERE, 8) is Verdict.REREAD
        continuity.rewound([HERE])
        assert continuity.check(HERE, 5) is Verdict.NEXT
        continuity.advance(HERE, 8)
        assert continuity.check(HERE, 9) is Verdict.REREAD

    def test_lower_offsets_after_a_rewind_mean_that_the_log_was_made_anew(self) -> None:
        continuity = Continuity()
        continuity.place(HERE, 500)
        assert continuity.check(HERE, 0) is Verdict.REREAD
        continuity.rewound([HERE])
        assert continuity.check(HERE, 0) is Verdict.RESET


class TestPartitionDesk:
    def test_a_gap_is_rewound_to_the_expected_offset(self) -> None:
        desk = opened(here=5)
        ticket = desk.start_fetch()
        assert ticket is not None
        assert desk.receive(ticket, HERE, 7, 9) == (Reception.REREAD, None)
        assert desk.rewinds() == {HERE: 5}
        assert desk.rewinds() == {}

    def test_what_is_fetched_during_a_seek_is_sought_again(self) -> None:
        desk = opened()
        ticket = desk.start_fetch()
        assert ticket is not None
        desk.begin_seek()
        assert desk.receive(ticket, HERE, 0, 9) == (Reception.STALE, None)
        assert desk.rewinds() == {}
        assert desk.sought({HERE: 3, THERE: 4}) == {HERE: 3}
        assert not desk.resume()
        assert desk.sought({HERE: 3}) == {}
        assert desk.resume()

    def test_late_records_of_a_partition_that_went_away_do_not_hold_up_the_seek(self) -> None:
        desk = opened()
        ticket = desk.start_fetch()
        assert ticket is not None
        desk.close()
        desk.forget([HERE, THERE])
        desk.begin_seek()
        assert desk.receive(ticket, THERE, 0, 9) == (Reception.STALE, None)
        assert desk.sought({HERE: 3}) == {}
        assert desk.resume()

    def test_a_partition_with_enough_on_its_way_is_not_fetched(self) -> None:
        desk = opened()
        ticket = desk.start_fetch()
        assert ticket is not None
        _, first = desk.receive(ticket, HERE, 0, 4)
        desk.receive(ticket, HERE, 5, 9)
        assert desk.fetchable([HERE, THERE]) == {THERE}
        assert first is not None
        desk.begin(first)
        desk.done(first)
        assert desk.fetchable([HERE, THERE]) == {HERE, THERE}

    def test_a_topic_with_enough_on_its_way_is_not_fetched_and_others_are(self) -> None:
        desk = opened()
        ticket = desk.start_fetch()
        assert ticket is not None
        desk.receive(ticket, HERE, 0, 29)
        assert desk.fetchable([HERE, THERE, ("other", 0)]) == {("other", 0)}

    def test_a_hold_takes_the_topic_back_to_its_first_slice_that_was_not_written(self) -> None:
        desk = opened()
        ticket = desk.start_fetch()
        assert ticket is not None
        begun = [desk.receive(ticket, HERE, first, first + 4)[1] for first in (0, 5)]
        _, there = desk.receive(ticket, THERE, 0, 4)
        written, refused = begun
        assert written is not None
        assert refused is not None
        assert there is not None
        assert desk.begin(written)
        assert desk.begin(refused)
        assert desk.hold(refused, "why") == [refused, there]
        assert not desk.begin(there)
        assert desk.fetchable([HERE, THERE]) == set()
        assert desk.rewinds() == {HERE: 5, THERE: 0}
        # The one in flight is finished, and committed together with the note.
        assert desk.in_flight == 1
        assert desk.committable() == {HERE: 0, THERE: 0}
        assert desk.done(written)
        assert desk.committable() == {HERE: 5, THERE: 0}
        desk.committed({HERE: 5, THERE: 0}, dict(desk.held))
        assert desk.committable() == {}
        assert desk.release("source") == {HERE: "why", THERE: "why"}
        assert desk.committable() == {HERE: 5, THERE: 0}
        assert desk.fetchable([HERE, THERE]) == {HERE, THERE}

    def test_a_note_that_came_while_its_offset_was_being_committed_is_committed_after_it(self) -> None:
        desk = opened()
        ticket = desk.start_fetch()
        assert ticket is not None
        _, first = desk.receive(ticket, HERE, 0, 4)
        _, second = desk.receive(ticket, HERE, 5, 9)
        assert first is not None
        assert second is not None
        assert desk.begin(first)
        assert desk.done(first)
        offsets, notes = desk.committable(), dict(desk.held)
        assert desk.begin(second)
        desk.hold(second, "why")
        desk.committed(offsets, notes)
        assert desk.committable() == {HERE: 5, THERE: 0}

    def test_without_the_continuity_check_holes_are_taken_as_they_come(self) -> None:
        desk = PartitionDesk(check_continuity=False)
        desk.begin_seek()
        desk.sought({HERE: 0})
        desk.resume()
        ticket = desk.start_fetch()
        assert ticket is not None
        reception, flight = desk.receive(ticket, HERE, 7, 9)
        assert reception is Reception.DISPATCH
        assert flight is not None
