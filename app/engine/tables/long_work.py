"""Long work in the event loop: other tasks run meanwhile, and the garbage collector does not."""

import asyncio
import gc
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

# How long the work goes on before other tasks run.
_STEP_SECONDS: Final = 0.05


async def in_steps(work: Iterator[None]) -> None:
    """Does all the work. Other tasks run every _STEP_SECONDS."""
    until = time.monotonic() + _STEP_SECONDS
    for _ in work:
        if time.monotonic() >= until:
            await asyncio.sleep(0)
            until = time.monotonic() + _STEP_SECONDS


@contextmanager
def gc_paused() -> Iterator[None]:
    """Turns garbage collection off within the block."""
    # perf: saves the scans of the growing heap, which took 30 % of all samples (docs/design.md#tuning);
    # plain form: yield.
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()
