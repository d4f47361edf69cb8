"""Runs a Faust app until it is told to stop. On SIGTERM the worker drains and commits; every failure after
the start ends the process with `EXIT_PROTECT`.

Faust's own worker program is not used: it sets the root logger to DEBUG, redirects stdout, and needs 2 s to
stop.
"""

import asyncio
import logging
import os
import signal
import threading
from contextlib import AbstractAsyncContextManager, nullcontext

import faust
from aiokafka.errors import KafkaError

from app.engine.app import consumer_of, spare
from app.engine.departure import depart
from app.engine.fatal import before_exit, describe, die
from app.engine.producer.partitioner import ACCELERATED
from app.engine.topic_rights import refused_read

EXIT_DONE = 0
EXIT_FAILED = 1

_LEAVE_SHARE = 0.5
"""After this share of the deadline a worker that has committed everything exits without leaving its group. A
group in the middle of a rebalance, or a broker that is away, can delay the leaving by a minute."""

logger = logging.getLogger(__name__)


def run(
    app: faust.App, *, stop_deadline: float, beside: AbstractAsyncContextManager[object] | None = None
) -> int:
    """Returns the exit code after SIGTERM or SIGINT: 0 if the app stopped cleanly, 1 if it did not start.

    `beside` is entered before the app starts, in the same loop, and left after the app has stopped. Raises
    whatever entering it raises.

    Ends the process itself with `EXIT_PROTECT` if Faust crashes, or if the app has not stopped
    `stop_deadline` seconds after the signal. It must be called once, from the main thread.
    """
    if not ACCELERATED:
        logger.warning(
            "the package murmurhash2 cannot be imported: the worker hashes keys in Python, more slowly"
        )
    return asyncio.run(_run_beside(app, stop_deadline, beside or nullcontext()))


async def _run_beside(
    app: faust.App, stop_deadline: float, beside: AbstractAsyncContextManager[object]
) -> int:
    async with beside:
        return await _run(app, stop_deadline)


async def _run(app: faust.App, stop_deadline: float) -> int:
    loop = asyncio.get_running_loop()
    app.loop = loop
    before_exit(lambda: depart(app))
    asked = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, asked.set)
    app.finalize()
    starting = asyncio.create_task(app.start())
    stop = asyncio.create_task(asked.wait())
    crash = asyncio.create_task(app._crashed.wait())
    await asyncio.wait({starting, stop, crash}, return_when=asyncio.FIRST_COMPLETED)
    if starting.done() and (refused := starting.exception()) is not None:
        return _not_started(refused)
    await asyncio.wait({stop, crash}, return_when=asyncio.FIRST_COMPLETED)
    if crash.done():
        problem = app.crash_reason or RuntimeError()
        # The brokers have refused a request of the consumer, so no record is the cause.
        end = spare(app) if isinstance(problem, KafkaError) else die
        end(refused_read(problem) or f"Faust crashed: {describe(problem)}")
    crash.cancel()
    await _stop(app, stop_deadline)
    starting.cancel()
    return EXIT_DONE


def _not_started(problem: BaseException) -> int:
    logger.error("the worker did not start: %s", describe(problem))
    _leave(EXIT_FAILED)
    return EXIT_FAILED


async def _stop(app: faust.App, deadline: float) -> None:
    # The timer runs in a thread of its own, so it also fires if the event loop hangs.
    timer = threading.Timer(deadline, die, [f"not stopped within {deadline:g} s"])
    timer.daemon = True
    timer.start()
    stopping = asyncio.create_task(app.stop())
    await asyncio.wait({stopping}, timeout=deadline * _LEAVE_SHARE)
    if not stopping.done() and consumer_of(app).health.settled:
        logger.warning("everything is committed; exiting without waiting longer for the group coordinator")
        _leave(EXIT_DONE)
    await stopping
    timer.cancel()


def _leave(code: int) -> None:
    """Ends the process at once. Otherwise the interpreter waits for Faust's consumer thread, which may
    hang."""
    for handler in logging.getLogger().handlers:
        handler.flush()
    os._exit(code)
