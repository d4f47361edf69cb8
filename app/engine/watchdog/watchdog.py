"""A thread that ends a worker that hangs, with exit code 70. It writes every stack and a one-line reason to
stderr.

An idle topic is no hang, because fetches return without records. An outage of the brokers is no hang either,
because slices wait for the brokers (`stall_detector.py`). The watchdog cannot see compiled code that never
releases the interpreter's lock, because that code stops this thread as well. A supervisor's probe of
`/healthz` sees it.
"""

import asyncio
import os
import threading
from collections.abc import Callable
from contextlib import suppress
from time import monotonic
from types import TracebackType
from typing import Final, Self

from app.engine.fatal import EXIT_PROTECT, die
from app.engine.watchdog.stacks import dump_stacks
from app.engine.watchdog.stall_detector import Progress, StallDetector

_CHECKS: Final = 20
"""The number of checks within the limit. So a hang is noticed late by at most a twentieth of the limit."""

_LONGEST_STEP_SECONDS: Final = 1.0

_REPORT_SECONDS: Final = 5.0
"""The time that the report may take. It can block, because the hang may hold the lock of the log, or nobody
may read the pipe behind stderr."""


def report(reason: str, loop: asyncio.AbstractEventLoop) -> None:
    """Logs the reason and every stack and ends the process. It exits after 5 s even if logging blocks."""

    def write() -> None:
        dump_stacks(loop)
        die(reason)

    threading.Thread(target=write, daemon=True, name="watchdog-report").start()
    # `die` never returns. If this wait ends, the report has blocked.
    threading.Event().wait(_REPORT_SECONDS)
    os._exit(EXIT_PROTECT)


class Watchdog:
    """A context that watches the event loop in which it is entered, until it is left."""

    def __init__(
        self,
        limit: float,
        look: Callable[[], Progress],
        *,
        absence_limit: float,
        end: Callable[[str, asyncio.AbstractEventLoop], None] = report,
    ) -> None:
        """`limit` is in seconds and above 0; so is `absence_limit`, for a worker that is outside its group.
        `look` is called in the loop; the `turn` of what it returns is set here. `end` is called in the
        watchdog's thread with the reason and the loop."""
        self._step = min(limit / _CHECKS, _LONGEST_STEP_SECONDS)
        self._detector = StallDetector(limit, 2 * self._step, absence_limit)
        self._look = look
        self._end = end
        self._progress = Progress()
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
            reason = self._detector.check(now - before, self._progress)
            before = now
            if reason is not None:
                self._end(reason, self._loop)
                return
            self._ask()

    def _ask(self) -> None:
        """Asks the loop for its progress. It asks again only after the loop has answered."""
        if self._asked == self._progress.turn:
            self._asked += 1
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self._loop.call_soon_threadsafe(self._answer)

    def _answer(self) -> None:
        self._progress = self._look()._replace(turn=self._asked)
