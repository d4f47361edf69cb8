"""What counts as a hang, and what does not."""

from collections.abc import Iterator

from app.engine.slices import InFlightSlice
from app.engine.watchdog.absence import Absence
from app.engine.watchdog.stall_detector import Progress, StallDetector

LIMIT = 10.0
OLD, NEW = InFlightSlice(("t", 0), 0, 9), InFlightSlice(("t", 0), 10, 19)


def verdict(reports: Iterator[Progress], seconds: int) -> str | None:
    """Returns the first reason to end the process, at one report a second; None if there is none in so many
    seconds."""
    detector = StallDetector(LIMIT, longest_step=2.0, absence_limit=2 * LIMIT)
    return next((reason for _ in range(seconds) if (reason := detector.check(1.0, next(reports)))), None)


def turning(*reports: Progress) -> Iterator[Progress]:
    """Yields these reports, each in a new turn of the loop, and then the last one for ever."""
    turn = 0
    for progress in reports:
        turn += 1
        yield progress._replace(turn=turn)
    while True:
        turn += 1
        yield reports[-1]._replace(turn=turn)


def not_turning(progress: Progress) -> Iterator[Progress]:
    """Yields the same report for ever, because the loop never answers."""
    while True:
        yield progress


def test_a_loop_that_does_not_turn() -> None:
    assert verdict(not_turning(Progress(turn=7)), 10) is None
    assert verdict(not_turning(Progress(turn=7)), 11) == "the event loop has not turned for 10 s"


def test_a_slice_in_flight() -> None:
    assert verdict(turning(Progress(slice=OLD)), 10) is None
    assert verdict(turning(Progress(slice=OLD)), 11) == "slice t/0/0..9 has been in flight for 10 s"


def test_a_slice_that_goes_on_is_no_hang() -> None:
    moving = [Progress(slice=OLD, moved_at=float(second // 9)) for second in range(50)]
    assert verdict(turning(*moving), len(moving)) is None
    stands = [*moving, Progress(slice=OLD, moved_at=99.0)]
    assert verdict(turning(*stands), len(moving) + 11) is not None


def test_a_fetch_that_does_not_return() -> None:
    assert verdict(turning(Progress(fetch=5.0)), 10) is None
    assert verdict(turning(Progress(fetch=5.0)), 11) == "a fetch has not returned for 10 s"


def test_a_worker_outside_its_group() -> None:
    answers = [Progress(absence=Absence(0.0, float(second))) for second in range(30)]
    assert verdict(turning(*answers), 20) is None
    assert "no assignment and no answered heartbeat for 20 s" in (verdict(turning(*answers), 21) or "")


def test_nothing_to_do_is_no_hang() -> None:
    assert verdict(turning(Progress()), 100) is None


def test_always_something_to_do_is_no_hang() -> None:
    each = [
        Progress(slice=InFlightSlice(("t", 0), number, number), fetch=float(number)) for number in range(20)
    ]
    busy = [progress for progress in each for _ in range(3)]
    assert verdict(turning(*busy), len(busy)) is None


def test_each_slice_and_each_fetch_has_the_whole_time() -> None:
    first, second = Progress(slice=OLD, fetch=1.0), Progress(slice=NEW, fetch=2.0)
    assert verdict(turning(*[first] * 9, second), 19) is None
    assert verdict(turning(*[first] * 9, second), 20) is not None


def test_while_the_brokers_do_not_answer_slices_wait_for_ever() -> None:
    outage = [Progress(slice=OLD, writes=float(second)) for second in range(100)]
    assert verdict(turning(*outage), 100) is None


def test_after_an_outage_slices_have_the_whole_time_again() -> None:
    outage = [Progress(slice=OLD, writes=float(second)) for second in range(100)]
    assert verdict(turning(*outage, Progress(slice=OLD)), 109) is None
    assert verdict(turning(*outage, Progress(slice=OLD)), 111) is not None


def test_writes_that_come_and_go_do_not_excuse_a_slice() -> None:
    assert verdict(turning(Progress(slice=OLD, writes=0.5)), 11) is not None


def test_an_outage_does_not_excuse_a_fetch() -> None:
    assert verdict(turning(Progress(fetch=5.0, writes=100.0)), 11) is not None


def test_a_process_that_was_stopped_is_not_blamed_for_it() -> None:
    detector, progress = (
        StallDetector(LIMIT, longest_step=2.0, absence_limit=2 * LIMIT),
        Progress(turn=1, slice=OLD, fetch=5.0),
    )
    assert detector.check(1.0, progress) is None
    assert detector.check(3600.0, progress) is None
    assert detector.check(3600.0, progress._replace(turn=2)) is None


def test_nothing_ages_while_the_loop_does_not_turn() -> None:
    detector, progress = (
        StallDetector(LIMIT, longest_step=2.0, absence_limit=2 * LIMIT),
        Progress(turn=1, slice=OLD, fetch=5.0),
    )
    for _ in range(10):
        assert detector.check(1.0, progress) is None
    for turn in range(2, 11):
        assert detector.check(1.0, progress._replace(turn=turn)) is None
