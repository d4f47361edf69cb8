"""Wait for a condition instead of sleeping for a while."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")

_POLL_SECONDS = 0.05


def wait_until(condition: Callable[[], T], what: str, timeout: float = 30.0) -> T:
    """Call `condition` until it gives something true, and return that; fail with `what` after `timeout` s."""
    deadline = time.monotonic() + timeout
    while not (result := condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        time.sleep(_POLL_SECONDS)
    return result


async def async_wait_until(
    condition: Callable[[], Awaitable[T]],
    what: str,
    timeout: float = 30.0,  # noqa: ASYNC109
) -> T:
    """As `wait_until`, for a condition that is awaited; other tasks run meanwhile."""
    deadline = time.monotonic() + timeout
    while not (result := await condition()):
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}"
        await asyncio.sleep(_POLL_SECONDS)
    return result
