"""The watchdog's thread on a loop of the test. Hangs of real workers are in tests/integration."""

import asyncio
import threading
from collections.abc import Generator

import pytest

from app.engine.watchdog.stacks import dump_stacks, waiting_at
from app.engine.watchdog.stall_detector import Progress
from app.engine.watchdog.watchdog import Watchdog
from tests.waiting import GIVE_UP_SECONDS

LIMIT = 0.2


class Ends:
    """In place of the end of the process."""

    def __init__(self) -> None:
        self.reasons: list[str] = []
        self.came = threading.Event()

    def __call__(self, reason: str, loop: asyncio.AbstractEventLoop) -> None:
        self.reasons.append(reason)
        self.came.set()


async def test_a_loop_that_does_not_turn_is_noticed_from_outside() -> None:
    ends = Ends()
    with Watchdog(LIMIT, Progress, absence_limit=LIMIT, end=ends):
        assert ends.came.wait(GIVE_UP_SECONDS)
    assert [reason.partition(" for ")[0] for reason in ends.reasons] == ["the event loop has not turned"]


async def test_what_the_loop_says_of_itself_is_judged() -> None:
    ends = Ends()
    with Watchdog(LIMIT, lambda: Progress(fetch=1.0), absence_limit=LIMIT, end=ends):
        assert await asyncio.to_thread(ends.came.wait, GIVE_UP_SECONDS)
    assert ends.reasons[0].startswith("a fetch has not returned")


async def test_a_loop_that_turns_is_left_alone() -> None:
    ends, enough, looks = Ends(), asyncio.Event(), 0

    def look() -> Progress:
        nonlocal looks
        looks += 1
        if looks == 60:  # three times the limit, by its own count
            enough.set()
        return Progress(fetch=float(looks))

    with Watchdog(LIMIT, look, absence_limit=LIMIT, end=ends):
        await enough.wait()
    assert ends.reasons == []


async def inner(asleep: asyncio.Event) -> None:
    await asleep.wait()


class Wrapped:
    """It is awaited as Faust awaits its agents."""

    def __init__(self, asleep: asyncio.Event) -> None:
        self._coroutine = inner(asleep)

    def __await__(self) -> Generator[object, None, None]:
        return self._coroutine.__await__()


async def outer(asleep: asyncio.Event) -> None:
    await Wrapped(asleep)


async def test_a_task_is_shown_up_to_where_it_waits() -> None:
    asleep = asyncio.Event()
    task = asyncio.create_task(outer(asleep))
    await asyncio.sleep(0)
    assert [position.rpartition(" ")[2] for position in waiting_at(task)] == ["outer", "inner", "wait"]
    asleep.set()
    await task
    assert waiting_at(task) == []


async def test_stacks_go_to_standard_error_without_any_value(capfd: pytest.CaptureFixture[str]) -> None:
    name = "the-value-of-a-variable"
    task = asyncio.create_task(inner(asyncio.Event()), name=name)
    await asyncio.sleep(0)
    dump_stacks(asyncio.get_running_loop())
    task.cancel()
    said = capfd.readouterr().err
    assert "Current thread" in said
    assert "test_watchdog.py" in said
    assert " inner > " in said
    assert name not in said
