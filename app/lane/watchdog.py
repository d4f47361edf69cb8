"""A thread that ends a worker that hangs: exit code 70, every stack and a one-line reason on stderr.

An idle topic is none: fetches return without records. Nor is an outage of the brokers, in which slices
wait (`app.lane.hangs`). It cannot see one thing: compiled code that never lets go of the interpreter stops
this thread with the others. A supervisor's probe of `/healthz` sees that.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Final, Self

from app.lane.fatal import EXIT_PROTECT, die
from app.lane.hangs import Hangs, Sight
from app.lane.stacks import dump_stacks

_LOOKS: Final = 20
"""In the time of the limit: a hang is noticed at most a twentieth late."""

_LONGEST_STEP_SECONDS: Final = 1.0

_REPORT_SECONDS: Final = 5.0
"""For the report. The hang may hold what it needs: the log's lock, or a full pipe behind stderr."""


def report(reason: str, loop: asyncio.AbstractEventLoop) -> None:
    """Says why and ends the process, whatever becomes of the saying."""

    def say() -> None:
        dump_stacks(loop)
        die(reason)

    threading.Thread(target=say, daemon=True, name="watchdog-report").start()
    # `die` does not come back: whoever still is here after this time has waited in vain for it.
    threading.Event().wait(_REPORT_SECONDS)
    os._exit(EXIT_PROTECT)


class Watchdog:
    """A context: watches from entering it to leaving it, which both belong to the loop it watches."""

    def __init__(
        self,
        limit: float,
        look: Callable[[], Sight],
        *,
        end: Callable[[str, asyncio.AbstractEventLoop], None] = report,
    ) -> None:
        """`limit` in seconds, above 0. `look` runs in the loop; the `turn` of its sight is filled in here."""
        self._step = min(limit / _LOOKS, _LONGEST_STEP_SECONDS)
        self._hangs = Hangs(limit, longest_step=2 * self._step)
        self._look = look
        self._end = end
        self._sight = Sight()
        self._asked = 0
        self._stopped = threading.Event()

    def __enter__(self) -> Self:
        self._loop = asyncio.get_running_loop()
        threading.Thread(target=self._watch, daemon=True, name="watchdog").start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stopped.set()

    def _watch(self) -> None:
        before = monotonic()
        while not self._stopped.wait(self._step):
            now = monotonic()
            reason = self._hangs.judge(now - before, self._sight)
            before = now
            if reason is not None:
                self._end(reason, self._loop)
                return
            self._ask()

    def _ask(self) -> None:
        """One question at a time; the loop has a whole step to answer it."""
        if self._asked == self._sight.turn:
            self._asked += 1
            with suppress(RuntimeError):  # the loop was closed while nobody looked
                self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._sight = self._look()._replace(turn=self._asked)
