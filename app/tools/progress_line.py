"""What a command tells while it works: how far it has come, how fast, and how long it still takes."""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Final, TextIO

_TERMINAL_SECONDS: Final = 0.5
_FILE_SECONDS: Final = 10.0


class ProgressLine:
    """Lines on standard error: one that is written over on a terminal, else one every ten seconds."""

    def __init__(
        self,
        what: str,
        total: int,
        target: TextIO | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`what`: the noun of what is counted, such as `records`. `total`: their number, at most; 0 if it is
        not known."""
        self.done = 0
        self._what = what
        self._total = total
        self._target = target or sys.stderr
        self._clock = clock
        self._terminal = self._target.isatty()
        self._began = self._said = clock()
        self._shown = False

    def add(self, count: int) -> None:
        """Counts what is done, and tells it if it is time to."""
        self.done += count
        now = self._clock()
        if now - self._said >= (_TERMINAL_SECONDS if self._terminal else _FILE_SECONDS):
            self._said, self._shown = now, True
            line = self._line(now - self._began)
            self._target.write(f"\r\x1b[K{line}" if self._terminal else f"{line}\n")
            self._target.flush()

    def end(self) -> None:
        """Removes the line from a terminal, so that the result stands alone."""
        if self._terminal and self._shown:
            self._target.write("\r\x1b[K")
            self._target.flush()

    def _line(self, seconds: float) -> str:
        rate = self.done / seconds if seconds > 0 else 0.0
        told = f"{self.done:,}"
        if self._total:
            told += f" of at most {self._total:,}"
        told += f" {self._what}, {rate:,.0f}/s"
        if self._total > self.done and rate:
            told += f", about {(self._total - self.done) / rate:,.0f} s left"
        return told


class RateLimit:
    """At most so many records a second, in the long run. 0: no limit."""

    def __init__(self, per_second: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._per_second = per_second
        self._clock = clock
        self._free_at = clock()

    @property
    def batch(self) -> int:
        """How many records may be written together without a burst of more than a second."""
        return max(1, round(self._per_second)) if self._per_second else sys.maxsize

    async def wait(self, count: int) -> None:
        """Returns when `count` more records may be written."""
        if not self._per_second:
            return
        now = self._clock()
        self._free_at = max(self._free_at, now)
        delay, self._free_at = self._free_at - now, self._free_at + count / self._per_second
        await asyncio.sleep(delay)
