"""The lag of partitions in records and in seconds, from polled ends and known timestamps."""

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.lag import LagBook, NextRecord, PartitionLag

ONE, OTHER = ("t", 0), ("t", 1)
WALL = 1_763_700_000.0
STAMP = 1_763_699_990_000  # 10 s before


def test_nothing_is_known_before_the_first_poll() -> None:
    book = LagBook()
    assert book.lags({ONE: NextRecord(5, 5, None)}, WALL, 0.0) == {}
    book.polled({ONE: 5}, 0.0)
    assert book.lags({ONE: NextRecord(5, 5, None)}, WALL, 0.0) == {ONE: PartitionLag(5, 5, 0, 0.0, 0.0)}


def test_a_partition_at_its_end_has_no_lag() -> None:
    book = LagBook()
    book.polled({ONE: 5}, 100.0)
    assert book.lags({ONE: NextRecord(5, 5, None)}, WALL, 103.0) == {ONE: PartitionLag(5, 5, 0, 0.0, 3.0)}


def test_a_record_in_flight_says_how_old_it_is() -> None:
    book = LagBook()
    book.polled({ONE: 9}, 100.0)
    found = {ONE: NextRecord(5, 7, STAMP)}
    assert book.unread(found, 104.0) == {}
    assert book.lags(found, WALL, 100.0) == {ONE: PartitionLag(5, 9, 4, 10.0, 0.0)}
    # The consumer stands still, and its lag grows all the same.
    assert book.lags(found, WALL + 60, 160.0)[ONE].seconds == 70.0


def test_what_was_dispatched_is_known_before_the_next_poll() -> None:
    book = LagBook()
    book.polled({ONE: 5}, 100.0)
    assert book.lags({ONE: NextRecord(5, 8, STAMP)}, WALL, 100.0)[ONE].records == 3


def test_lag_is_never_negative() -> None:
    book = LagBook()
    book.polled({ONE: 5}, 100.0)
    assert book.lags({ONE: NextRecord(8, 8, None)}, WALL, 100.0)[ONE].records == 0
    ahead = NextRecord(5, 8, STAMP + 60_000)
    assert book.lags({ONE: ahead}, WALL, 100.0)[ONE].seconds == 0.0


def test_a_record_that_nobody_has_fetched_is_read_once() -> None:
    book = LagBook()
    book.polled({ONE: 9, OTHER: 5}, 100.0)
    found = {ONE: NextRecord(5, 5, None), OTHER: NextRecord(5, 5, None)}
    assert book.unread(found, 104.0) == {ONE: (5, 9)}
    # Its age is not known yet: the time for which it was seen to wait.
    assert book.lags(found, WALL, 100.0)[ONE].seconds == 0.0
    assert book.lags(found, WALL, 104.0)[ONE].seconds == 4.0
    book.read(ONE, 5, STAMP)
    assert book.unread(found, 104.0) == {}
    assert book.lags(found, WALL, 104.0)[ONE].seconds == 10.0
    moved = {ONE: NextRecord(6, 6, None)}
    assert book.unread(moved, 104.0) == {ONE: (6, 9)}
    assert book.lags(moved, WALL, 105.0)[ONE].seconds == 0.0


def test_a_partition_that_moves_needs_no_reading() -> None:
    """Between two slices nothing is in flight, and its lag must not seem to be gone."""
    book = LagBook()
    book.polled({ONE: 9_000}, 100.0)
    book.look({ONE: NextRecord(5, 10, STAMP)}, 100.0)
    between = {ONE: NextRecord(10, 10, None)}
    assert book.unread(between, 115.0) == {}
    assert book.lags(between, WALL + 15, 115.0)[ONE].seconds == 25.0
    # It has not moved for a while.
    assert book.unread(between, 115.1) == {ONE: (10, 9_000)}
    book.read(ONE, 10, STAMP + 5_000)
    assert book.lags(between, WALL + 15, 115.0)[ONE].seconds == 20.0
    book.look({ONE: NextRecord(10, 20, -1)}, 116.0)
    assert book.unread({ONE: NextRecord(20, 20, None)}, 116.0) == {ONE: (20, 9_000)}


def test_a_record_without_a_timestamp_waits_since_it_was_seen() -> None:
    book = LagBook()
    book.polled({ONE: 9}, 100.0)
    found = {ONE: NextRecord(5, 9, -1)}
    assert book.lags(found, WALL, 100.0)[ONE].seconds == 0.0
    assert book.lags(found, WALL, 107.0)[ONE].seconds == 7.0


def test_a_revoked_partition_is_forgotten() -> None:
    book = LagBook()
    book.polled({ONE: 9}, 100.0)
    book.read(ONE, 5, STAMP)
    book.keep([OTHER])
    assert book.lags({ONE: NextRecord(5, 5, None)}, WALL, 100.0) == {}
    book.polled({ONE: 9}, 100.0)
    assert book.unread({ONE: NextRecord(5, 5, None)}, 104.0) == {ONE: (5, 9)}


def test_the_next_record_is_the_first_that_is_not_committed() -> None:
    state = AssignmentState()
    state.assigned({ONE: (5, CommitNote()), OTHER: (0, CommitNote())})
    # The tables are being restored.
    assert state.next_records() == {ONE: NextRecord(5, 5, None), OTHER: NextRecord(0, 0, None)}
    state.begin_seek()
    assert state.sought({ONE: 5, OTHER: 0}) == {}
    assert state.open()
    state.begin_attempts({ONE}, {ONE, OTHER})
    state.committed({ONE: 5}, state.notes({ONE: 5}))
    _, first = state.receive(state.start_fetch() or 0, ONE, 5, 9)
    _, second = state.receive(state.start_fetch() or 0, ONE, 10, 14)
    assert first is not None
    assert second is not None
    first.timestamp, second.timestamp = STAMP, STAMP + 1_000
    assert state.next_records()[ONE] == NextRecord(5, 15, STAMP)
    assert state.begin(first)
    assert state.done(first)
    assert state.next_records()[ONE] == NextRecord(5, 15, STAMP)
    state.committed({ONE: 10}, state.notes({ONE: 10}))
    assert state.next_records()[ONE] == NextRecord(10, 15, STAMP + 1_000)
    assert state.begin(second)
    assert state.done(second)
    state.committed({ONE: 15}, state.notes({ONE: 15}))
    assert state.next_records() == {ONE: NextRecord(15, 15, None), OTHER: NextRecord(0, 0, None)}
    state.forget([ONE])
    assert state.next_records().keys() == {OTHER}
