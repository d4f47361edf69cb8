"""What both kinds of agents share: a slice is done part by part, and only work counts as work."""

from collections.abc import Generator
from typing import Any

import pytest

from app import slice_parts
from app.applied_part import AppliedPart
from app.engine import MoreRoom, Pause, Slice, Step
from app.metrics import Metrics
from app.slice_parts import WorkTimer, in_parts
from tests.test_vendor_agent import Line


class Clock:
    """A clock that stands still unless a test moves it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 100.0
        monkeypatch.setattr(slice_parts, "perf_counter", lambda: self.now)


def slice_of(records: int) -> Slice:
    return Slice("vendor", 0, [Line(offset, None) for offset in range(records)])


def test_what_other_tasks_take_does_not_count_as_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, seconds = Clock(monkeypatch), list[float]()

    def make_part(
        _slice: Slice, _start: int, timer: WorkTimer
    ) -> Generator[Step, Any, tuple[AppliedPart, int]]:
        timer.go_on()
        clock.now += 1
        yield from timer.let_others_run()
        clock.now += 2
        timer.pause()
        return AppliedPart([], Metrics()), 1

    for step in in_parts(slice_of(2), make_part, seconds.append):
        if isinstance(step, MoreRoom):
            clock.now += 1_000
        clock.now += 10_000
    assert seconds == [6.0]


def test_a_slice_that_is_paused_has_no_more_parts_and_no_time() -> None:
    starts, seconds = list[int](), list[float]()

    def make_part(
        _slice: Slice, start: int, _timer: WorkTimer
    ) -> Generator[Step, Any, tuple[AppliedPart, int] | None]:
        starts.append(start)
        if start < 2:
            return AppliedPart([], Metrics()), 2
        yield Pause("a reason", start)
        return None

    steps = list(in_parts(slice_of(5), make_part, seconds.append))
    assert [isinstance(step, Pause) for step in steps] == [False, True]
    assert (starts, seconds) == ([0, 2], [])
