"""How agents go through slices, how the process dies, what is counted and timed."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from importlib.metadata import PackageNotFoundError
from typing import NamedTuple, NoReturn

import pytest

from app.lane import EXIT_PROTECT, Slice, die, run_slices
from app.lane.ages import Ages
from app.lane.desk import Reception
from app.lane.fatal import refuse
from app.lane.observer import LaneObserver
from app.lane.offsets import Flight
from app.lane.tally import Tally
from app.versions import PINNED, UnsupportedVersion, check_versions


class Died(BaseException):
    """Stands for the end of the process."""


def dying(reason: str) -> NoReturn:
    raise Died(reason)


class Line(NamedTuple):
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


class Stream:
    """As much of a Faust stream as `run_slices` uses."""

    def __init__(self, *slices: Slice, should_stop: bool = False) -> None:
        self._slices = slices
        self.app = self
        self.should_stop = should_stop

    async def __aiter__(self) -> AsyncIterator[Slice]:
        for each in self._slices:
            yield each


class Watched:
    """A slice that remembers whether it was acknowledged."""

    def __init__(self, *, current: bool = True, hold: Callable[[str], None] = print) -> None:
        self.acknowledged = False
        self.slice = Slice("t", 3, [Line(7), Line(9)], begin=lambda: current, done=self._done, hold=hold)

    def _done(self) -> None:
        self.acknowledged = True


class TestRunSlices:
    async def test_a_slice_is_acknowledged_after_it_was_handled(self) -> None:
        watched = Watched()
        seen: list[bool] = []

        async def handle(_: Slice) -> None:
            seen.append(watched.acknowledged)

        await run_slices(Stream(watched.slice), handle, die=dying)
        assert seen == [False]
        assert watched.acknowledged

    async def test_a_slice_that_was_taken_back_is_passed_over(self) -> None:
        watched = Watched(current=False)

        async def handle(_: Slice) -> None:
            raise AssertionError("must not be handled")

        await run_slices(Stream(watched.slice), handle, die=dying)
        assert not watched.acknowledged

    @pytest.mark.parametrize("problem", [ValueError("secret"), SystemExit(3), KeyboardInterrupt()])
    async def test_any_exception_ends_the_process_without_acknowledgement(
        self, problem: BaseException
    ) -> None:
        watched = Watched()

        async def handle(_: Slice) -> None:
            raise problem

        with pytest.raises(Died) as died:
            await run_slices(Stream(watched.slice), handle, die=dying)
        assert not watched.acknowledged
        assert "t/3/7..9" in str(died.value)
        assert type(problem).__name__ in str(died.value)
        assert "secret" not in str(died.value)

    async def test_a_cancelled_slice_is_not_acknowledged_when_the_app_stops(self) -> None:
        watched = Watched()

        async def handle(_: Slice) -> None:
            raise asyncio.CancelledError

        with pytest.raises(asyncio.CancelledError):
            await run_slices(Stream(watched.slice, should_stop=True), handle, die=dying)
        assert not watched.acknowledged

    async def test_a_slice_that_is_cancelled_in_the_middle_of_work_ends_the_process(self) -> None:
        watched = Watched()

        async def handle(_: Slice) -> None:
            raise asyncio.CancelledError

        with pytest.raises(Died):
            await run_slices(Stream(watched.slice), handle, die=dying)
        assert not watched.acknowledged

    async def test_a_slice_that_was_handed_back_is_not_acknowledged_and_the_next_one_is_handled(self) -> None:
        notes: list[str] = []
        held, watched = Watched(hold=notes.append), Watched()

        async def handle(records: Slice) -> None:
            if records is held.slice:
                records.hold("why")

        await run_slices(Stream(held.slice, watched.slice), handle, die=dying)
        assert notes == ["why"]
        assert not held.acknowledged
        assert watched.acknowledged


def test_a_slice_says_where_it_lies() -> None:
    records = Slice("t", 3, [Line(7), Line(9)], generation=4)
    assert (records.first, records.last, records.next_offset, len(records)) == (7, 9, 10, 2)
    assert records.begin()
    records.done()


def test_dying_says_why_in_one_line_and_leaves_with_the_agreed_code(caplog: pytest.LogCaptureFixture) -> None:
    codes: list[int] = []

    def leave(code: int) -> NoReturn:
        codes.append(code)
        raise Died

    with caplog.at_level(logging.CRITICAL), pytest.raises(Died):
        die("a reason", leave=leave)
    assert codes == [EXIT_PROTECT]
    assert [record.getMessage() for record in caplog.records] == ["stopping to protect data: a reason"]


def test_refusing_says_why_on_standard_error_and_leaves_with_the_agreed_code(
    capsys: pytest.CaptureFixture[str],
) -> None:
    codes: list[int] = []

    def leave(code: int) -> NoReturn:
        codes.append(code)
        raise Died

    with pytest.raises(Died):
        refuse("a reason", leave=leave)
    assert codes == [1]
    assert capsys.readouterr() == ("", "rollcall: a reason\n")


class TestVersions:
    def test_the_pinned_versions_are_accepted(self) -> None:
        check_versions(PINNED.__getitem__)

    @pytest.mark.parametrize("name", PINNED)
    def test_any_other_version_is_refused_with_one_line(self, name: str) -> None:
        with pytest.raises(UnsupportedVersion) as refused:
            check_versions({**PINNED, name: "99.0"}.__getitem__)
        assert str(refused.value) == f"{name} {PINNED[name]} is needed, found 99.0"

    def test_a_missing_library_is_refused(self) -> None:
        def missing(name: str) -> str:
            raise PackageNotFoundError(name)

        with pytest.raises(UnsupportedVersion, match="not installed"):
            check_versions(missing)


class TestAges:
    def test_ages_run_from_dispatch_to_acknowledgement_and_to_commit(self) -> None:
        now = 100.0
        ages = Ages(lambda: now)
        first, second = Flight(("t", 0), 0, 9), Flight(("t", 0), 10, 19)
        ages.dispatched(first)
        now = 103.0
        ages.dispatched(second)
        now = 105.0
        assert ages.oldest_slice() == 5.0
        assert ages.commits() == {("t", 0): 5.0}
        ages.acknowledged(first)
        assert ages.oldest_slice() == 2.0
        assert ages.commits() == {("t", 0): 5.0}
        ages.committed({("t", 0): 10})
        assert ages.commits() == {("t", 0): 2.0}
        ages.acknowledged(second)
        ages.committed({("t", 0): 20})
        assert ages.oldest_slice() == 0.0
        assert ages.commits() == {("t", 0): 0.0}

    def test_what_was_taken_back_has_no_age(self) -> None:
        now = 1.0
        ages = Ages(lambda: now)
        kept, first, second = (Flight(("t", 0), begin, begin + 9) for begin in (0, 10, 20))
        for flight in (kept, first, second):
            ages.dispatched(flight)
        for flight in (second, first):
            ages.withdrawn(flight)
        ages.acknowledged(kept)
        ages.committed({("t", 0): 10})
        now = 5.0
        assert ages.oldest_flight() is None
        assert ages.commits() == {("t", 0): 0.0}

    def test_what_was_revoked_has_no_age(self) -> None:
        ages = Ages(lambda: 1.0)
        ages.dispatched(Flight(("t", 0), 0, 9))
        ages.forget([("t", 0)])
        assert ages.commits() == {}


class Heard(LaneObserver):
    def __init__(self) -> None:
        self.heard: list[tuple[object, ...]] = []

    def gap(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self.heard.append(("gap", topic, partition, expected, seen))

    def hole(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self.heard.append(("hole", topic, partition, expected, seen))

    def reset(self, topic: str, partition: int, expected: int, seen: int) -> None:
        self.heard.append(("reset", topic, partition, expected, seen))


def test_what_a_fetch_showed_is_counted_and_told() -> None:
    observer = Heard()
    tally = Tally(observer)
    for reception in Reception:
        tally.received(reception, ("t", 1), 5, 8)
    assert observer.heard == [("gap", "t", 1, 5, 8), ("hole", "t", 1, 5, 8), ("reset", "t", 1, 5, 8)]
    stats = tally.stats
    assert (stats.stale, stats.gaps, stats.holes, stats.resets) == (1, 1, 1, 1)
