"""What the watchdog takes for a hang, and what it does not."""

from collections.abc import Iterator

from app.lane.hangs import Hangs, Sight
from app.lane.offsets import Flight

LIMIT = 10.0
OLD, NEW = Flight(("t", 0), 0, 9), Flight(("t", 0), 10, 19)


def verdict(sights: Iterator[Sight], seconds: int) -> str | None:
    """The first verdict on a sight a second, None if there is none in so many seconds."""
    hangs = Hangs(LIMIT, longest_step=2.0)
    return next((reason for _ in range(seconds) if (reason := hangs.judge(1.0, next(sights)))), None)


def turning(*sights: Sight) -> Iterator[Sight]:
    """These, each in a new turn of the loop, and then the last one again and again."""
    turn = 0
    for sight in sights:
        turn += 1
        yield sight._replace(turn=turn)
    while True:
        turn += 1
        yield sights[-1]._replace(turn=turn)


def standing(sight: Sight) -> Iterator[Sight]:
    """The loop never answers."""
    while True:
        yield sight


def test_a_loop_that_does_not_turn() -> None:
    assert verdict(standing(Sight(turn=7)), 10) is None
    assert verdict(standing(Sight(turn=7)), 11) == "the event loop has not turned for 10 s"


def test_a_slice_in_flight() -> None:
    assert verdict(turning(Sight(slice=OLD)), 10) is None
    assert verdict(turning(Sight(slice=OLD)), 11) == "slice t/0/0..9 has been in flight for 10 s"


def test_a_fetch_that_does_not_return() -> None:
    assert verdict(turning(Sight(fetch=5.0)), 10) is None
    assert verdict(turning(Sight(fetch=5.0)), 11) == "a fetch has not returned for 10 s"


def test_nothing_to_do_is_no_hang() -> None:
    assert verdict(turning(Sight()), 100) is None


def test_always_something_to_do_is_no_hang() -> None:
    each = [Sight(slice=Flight(("t", 0), number, number), fetch=float(number)) for number in range(20)]
    busy = [sight for sight in each for _ in range(3)]
    assert verdict(turning(*busy), len(busy)) is None


def test_each_slice_and_each_fetch_has_the_whole_time() -> None:
    first, second = Sight(slice=OLD, fetch=1.0), Sight(slice=NEW, fetch=2.0)
    assert verdict(turning(*[first] * 9, second), 19) is None
    assert verdict(turning(*[first] * 9, second), 20) is not None


def test_while_the_brokers_do_not_answer_slices_wait_for_ever() -> None:
    outage = [Sight(slice=OLD, writes=float(second)) for second in range(100)]
    assert verdict(turning(*outage), 100) is None


def test_after_an_outage_slices_have_the_whole_time_again() -> None:
    outage = [Sight(slice=OLD, writes=float(second)) for second in range(100)]
    assert verdict(turning(*outage, Sight(slice=OLD)), 109) is None
    assert verdict(turning(*outage, Sight(slice=OLD)), 111) is not None


def test_writes_that_come_and_go_do_not_excuse_a_slice() -> None:
    assert verdict(turning(Sight(slice=OLD, writes=0.5)), 11) is not None


def test_an_outage_does_not_excuse_a_fetch() -> None:
    assert verdict(turning(Sight(fetch=5.0, writes=100.0)), 11) is not None


def test_a_process_that_was_stopped_is_not_blamed_for_it() -> None:
    hangs, sight = Hangs(LIMIT, longest_step=2.0), Sight(turn=1, slice=OLD, fetch=5.0)
    assert hangs.judge(1.0, sight) is None
    assert hangs.judge(3600.0, sight) is None
    assert hangs.judge(3600.0, sight._replace(turn=2)) is None


def test_nothing_ages_while_the_loop_does_not_turn() -> None:
    hangs, sight = Hangs(LIMIT, longest_step=2.0), Sight(turn=1, slice=OLD, fetch=5.0)
    for _ in range(10):
        assert hangs.judge(1.0, sight) is None
    for turn in range(2, 11):
        assert hangs.judge(1.0, sight._replace(turn=turn)) is None
