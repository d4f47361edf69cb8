"""Run a Faust app to its end: SIGTERM drains and commits; whatever goes wrong ends in `EXIT_PROTECT`.

Not by Faust's worker: it turns the root logger to DEBUG, redirects stdout, and takes 2 s to leave.
"""

import asyncio
import logging
import os
import signal
import threading
from contextlib import AbstractAsyncContextManager, nullcontext

import faust

from app.lane.agent import describe
from app.lane.fatal import die
from app.lane.faust_app import lane_consumer

EXIT_DONE = 0
EXIT_FAILED = 1

_LEAVE_SHARE = 0.5
"""Share of the deadline after which a worker that has committed everything leaves without ceremony: a
group in the middle of a rebalance, or a broker that is away, can hold up the orderly way for a minute."""

logger = logging.getLogger(__name__)


def run(
    app: faust.App, *, stop_deadline: float, beside: AbstractAsyncContextManager[object] | None = None
) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code, 0 if it stopped cleanly, 1 if it did not start.

    `beside` is entered before the app starts, in the same loop, and left after it has stopped; what
    entering it raises is raised here.

    Ends the process itself with `EXIT_PROTECT` when Faust crashes, or when it has not stopped
    `stop_deadline` seconds after the signal. Call it once, from the main thread.
    """
    return asyncio.run(_run_beside(app, stop_deadline, beside or nullcontext()))


async def _run_beside(
    app: faust.App, stop_deadline: float, beside: AbstractAsyncContextManager[object]
) -> int:
    async with beside:
        return await _run(app, stop_deadline)


async def _run(app: faust.App, stop_deadline: float) -> int:
    loop = asyncio.get_running_loop()
    app.loop = loop
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    app.finalize()
    starting = asyncio.create_task(app.start())
    stop = asyncio.create_task(asked.wait())
    crash = asyncio.create_task(app._crashed.wait())
    await asyncio.wait({starting, stop, crash}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and (problem := starting.exception()) is not None:
        return _not_started(problem)
    await asyncio.wait({stop, crash}, return_when=asyncio.FIRST_COMPLETED)
    if crash.done():
        die(f"Faust crashed: {describe(app.crash_reason or RuntimeError())}")
    crash.cancel()
    await _stop(app, stop_deadline)
    starting.cancel()
    return EXIT_DONE


def _not_started(problem: BaseException) -> int:
    logger.error("the worker did not start: %s", describe(problem))
    _leave(EXIT_FAILED)
    return EXIT_FAILED


async def _stop(app: faust.App, deadline: float) -> None:
    # A thread's timer: it also fires when the event loop hangs.
    timer = threading.Timer(deadline, die, [f"not stopped within {deadline:g} s"])
    timer.daemon = True
    timer.start()
    stopping = asyncio.create_task(app.stop())
    await asyncio.wait({stopping}, timeout=deadline * _LEAVE_SHARE)
    if not stopping.done() and lane_consumer(app).settled:
        logger.warning("everything is committed; not waiting any longer for the group to let us go")
        _leave(EXIT_DONE)
    await stopping
    timer.cancel()


def _leave(code: int) -> None:
    """End at once: Faust's consumer thread may be stuck, and the interpreter would wait for it."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
