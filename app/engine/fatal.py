"""Ends the process if going on could lose data: it logs one line and exits at once (docs/design.md#exit-70).

It does so by `os._exit` and not by an exception, because Faust acknowledges and commits the event of an agent
that raised (faust/streams.py, `_c_aiter`). If the process is gone, nothing is acknowledged. The supervisor
restarts the worker, which goes on from its last commit.
"""

import logging
import os
import sys
import threading
from collections.abc import Callable
from typing import NoReturn

EXIT_PROTECT = 70
"""Exit code of a worker that stopped to protect data (EX_SOFTWARE of sysexits.h)."""

EXIT_REFUSED = 1
"""Exit code of a worker that has found what no restart can cure, in its logs at its start or in a setting."""

logger = logging.getLogger(__name__)

_last_steps: dict[int, Callable[[], None]] = {}
"""What `die` and `refuse` do in a thread before they exit, by the identifier of the thread."""


def before_exit(steps: Callable[[], None]) -> None:
    """Has `die` and `refuse` call the steps before they exit, if they are called in the thread of this call.

    That is the thread of the event loop, which therefore stands still meanwhile: nothing more is handled,
    sent or acknowledged. The steps must end by themselves. They are called once, and what they raise is
    logged.
    """
    _last_steps[threading.get_ident()] = steps


def die(reason: str, *, leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    """Logs the reason and ends the process with `EXIT_PROTECT`; never returns. Nothing more is acknowledged.

    In the thread of the event loop the worker leaves its group first (`departure.py`).

    `reason` is one line of names, counts and positions, never a payload. `leave` exists for unit tests; it
    must raise, because the callers rely on it that nothing runs after this call.
    """
    logger.critical("stopping to protect data: %s", reason)
    _end(EXIT_PROTECT, leave)


def refuse(reason: str, *, leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    """Writes the reason to standard error and ends the process with `EXIT_REFUSED`; never returns.

    In the thread of the event loop the worker leaves its group first, as in `die`.

    A worker calls it for what no restart can cure: what it finds in its changelogs before it has written
    anything, and a setting that its group's coordinator refuses. `reason` and `leave` are those of `die`.
    """
    _flush()
    sys.stderr.write(f"rollcall: {reason}\n")
    _end(EXIT_REFUSED, leave)


def _end(code: int, leave: Callable[[int], NoReturn]) -> NoReturn:
    _flush()
    if steps := _last_steps.pop(threading.get_ident(), None):
        try:
            steps()
        except Exception as problem:  # noqa: BLE001 - nothing keeps this process from ending
            logger.warning("the last steps failed: %s", describe(problem))
    leave(code)


def _flush() -> None:
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stdout.flush()
    sys.stderr.flush()


def describe(problem: BaseException) -> str:
    """Returns the type of an exception and the line that raised it. Its text is left out, because it may hold
    a payload."""
    trace = problem.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    place = "" if trace is None else f" at {trace.tb_frame.f_code.co_qualname}:{trace.tb_lineno}"
    return f"{type(problem).__name__}{place}"
