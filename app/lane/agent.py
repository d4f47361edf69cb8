"""The one way in which an agent may go through its slices."""

import asyncio
from collections.abc import AsyncIterable, Awaitable, Callable
from typing import NoReturn

from app.lane.fatal import die
from app.lane.slices import Slice

Handle = Callable[[Slice], Awaitable[None]]


async def run_slices(
    stream: AsyncIterable[Slice], handle: Handle, *, die: Callable[[str], NoReturn] = die
) -> None:
    """Handle slice after slice and acknowledge each once `handle` has returned, unless it was held.

    `handle` returns when everything the slice caused is durable. Any exception out of it ends the
    process with nothing acknowledged. With agents' `concurrency` above 1 it must not await anything
    before its last `append` to a producer, or slices of one partition overtake each other.
    """
    async for records in stream:
        if not records.begin():
            continue
        try:
            await handle(records)
        except asyncio.CancelledError:
            # Faust cancels agents when it stops, after the last drain, when nothing is in flight.
            # In any other case the slice would be lost to this process while later ones go on.
            if getattr(getattr(stream, "app", None), "should_stop", False):
                raise
            die(f"the handling of {records} was cancelled")
        except BaseException as problem:  # noqa: BLE001 - SystemExit, too, would leave us without agent
            die(f"the handling of {records} failed: {describe(problem)}")
        if not records.handed_back:
            records.done()


def describe(problem: BaseException) -> str:
    """Type and place of an exception. Not its text, which may hold a payload."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
    return f"{type(problem).__name__}{place}"
