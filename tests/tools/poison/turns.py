"""For how long a worker's main loop is kept by one callback: a turn of an agent, or anything else.

The worker measures itself, because an answer of `/healthz` is many turns, and waits for others in between.
"""

import asyncio
import os
import threading
import time
from pathlib import Path
from typing import Any

from tests.tools.replacing import replace

LONGEST_TURN_SECONDS = 0.25


def measure_turns(folder: Path) -> None:
    """Has this process note in the folder each turn that is longer than all before it, as soon as it has
    ended."""
    run, main, longest = asyncio.Handle._run, threading.get_ident(), 0.0
    file = folder / f"turns-{os.getpid()}"
    schedule = os.open("/proc/self/schedstat", os.O_RDONLY)

    def waited() -> float:
        """Returns for how many seconds the main thread has waited while other threads had the processors."""
        return int(os.pread(schedule, 100, 0).split()[1]) / 1e9

    def timed(handle: asyncio.Handle) -> Any:
        nonlocal longest
        if threading.get_ident() != main:
            return run(handle)
        began, before = time.monotonic(), waited()
        result = run(handle)
        if time.monotonic() - began > longest:
            seconds = time.monotonic() - began - (waited() - before)
            if seconds > longest:
                longest = seconds
                with file.open("a", encoding="ascii") as log:
                    log.write(f"{seconds}\n")
        return result

    replace(asyncio.Handle, "_run", timed)


def longest_turn(folder: Path) -> float | None:
    """Returns the longest turn in seconds of all workers; None if no worker has measured."""
    noted = [line for each in folder.glob("turns-*") for line in each.read_text("ascii").split()]
    return max(map(float, noted), default=None)
