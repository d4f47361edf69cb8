"""Waits for a condition instead of sleeping for a time.

No wait demands a speed, because the machine may be busy with other work.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

T = TypeVar("T")

GIVE_UP_SECONDS: Final = 240.0
"""After this time a wait counts as a hang. On an idle machine everything that tests wait for takes some
seconds."""
_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], T], what: str, timeout: float = GIVE_UP_SECONDS) -> T:
    """Calls `condition` until its result is true, and returns the result; fails with `what` after `timeout`
    s."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(_POLL_SECONDS)
    return result


async def async_wait_until(
    condition: Callable[[], Awaitable[T]],
    what: str,
    timeout: float = GIVE_UP_SECONDS,  # noqa: ASYNC109
) -> T:
    """Does the same as `wait_until` for a condition that is awaited; other tasks run meanwhile."""
    deadline = time.monotonic() + timeout
    while not (result := await condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        await asyncio.sleep(_POLL_SECONDS)
    return result
