"""Where everything stands, for whoever reads the log of a worker that hung. Places only, no values."""

import asyncio
import faulthandler
import gc
import os
from pathlib import Path
from typing import Any, Final

_STDERR: Final = 2
_PLACES: Final = 8
"""Of a task, counted from where it waits."""


def dump_stacks(loop: asyncio.AbstractEventLoop) -> None:
    """The stacks of all threads and tasks on standard error, past Python's own buffers and locks."""
    faulthandler.dump_traceback(file=_STDERR, all_threads=True)
    lines = [f"  {' > '.join(waiting_at(task)[-_PLACES:])}\n" for task in asyncio.all_tasks(loop)]
    os.write(_STDERR, "".join(["Tasks, each up to where it waits:\n", *sorted(set(lines))]).encode())


def waiting_at(task: asyncio.Task[Any]) -> list[str]:
    """Places of a task from its coroutine inwards, `file:line function` each."""
    places = []
    inner: Any = task.get_coro()
    while inner is not None:
        frame = next((found for name in _FRAMES if (found := getattr(inner, name, None))), None)
        if frame is not None:
            places.append(f"{Path(frame.f_code.co_filename).name}:{frame.f_lineno} {frame.f_code.co_name}")
        inner = next((found for name in _AWAITED if (found := getattr(inner, name, None))), None)
        if type(inner).__name__ == "coroutine_wrapper":
            # What `__await__` of a coroutine gives, as Faust's agents use it, hides the coroutine.
            inner = next(filter(asyncio.iscoroutine, gc.get_referents(inner)), None)
    return places


# Coroutines, generators that are awaited, and asynchronous generators.
_FRAMES: Final = ("cr_frame", "gi_frame", "ag_frame")
_AWAITED: Final = ("cr_await", "gi_yieldfrom", "ag_await")
