"""The stacks of all threads and tasks, for the log of a worker that hung. They name code positions and no
values."""

import asyncio
import faulthandler
import gc
import os
from pathlib import Path
from typing import Any, Final

_STDERR: Final = 2
_LINES_OF_A_TASK: Final = 8
"""How many positions of a task are written, counted from the one at which it waits."""


def dump_stacks(loop: asyncio.AbstractEventLoop) -> None:
    """Writes the stacks of all threads and tasks to standard error, without Python's own buffers and
    locks."""
    faulthandler.dump_traceback(file=_STDERR, all_threads=True)
    lines = [f"  {' > '.join(waiting_at(task)[-_LINES_OF_A_TASK:])}\n" for task in asyncio.all_tasks(loop)]
    os.write(_STDERR, "".join(["Tasks, each up to where it waits:\n", *sorted(set(lines))]).encode())


def waiting_at(task: asyncio.Task[Any]) -> list[str]:
    """Returns the positions of a task as `file:line function`, from its outermost coroutine to where it
    waits."""
    positions = []
    inner: Any = task.get_coro()
    while inner is not None:
        frame = next((found for name in _FRAMES if (found := getattr(inner, name, None))), None)
        if frame is not None:
            positions.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
        inner = next((found for name in _AWAITED if (found := getattr(inner, name, None))), None)
        if type(inner).__name__ == "coroutine_wrapper":
            # Faust's agents await what a coroutine's `__await__` returns. That object does not name the
            # coroutine.
            inner = next(filter(asyncio.iscoroutine, gc.get_referents(inner)), None)
    return positions


# The attributes of coroutines, of generators that are awaited, and of asynchronous generators.
_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")
