"""The one way out when going on could lose data: one line, then the process ends at once.

`os._exit` and not an exception: Faust acknowledges the event of an agent that raised, and commits it
(faust/streams.py, `_c_aiter`). Only a process that is gone leaves nothing acknowledged; its supervisor
restarts it and it goes on from the last commit.
"""

import logging
import os
import sys
from collections.abc import Callable
from typing import NoReturn

EXIT_PROTECT = 70
"""Exit code of a worker that stopped to protect data (EX_SOFTWARE of sysexits.h)."""

EXIT_REFUSED = 1
"""Exit code of a worker that found at its start what no restart cures, and has written nothing."""

logger = logging.getLogger(__name__)


def die(reason: str, *, leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    """End the process with `EXIT_PROTECT` and nothing acknowledged; never returns.

    `reason` is one line of names, counts and positions, never a payload. `leave` is there for unit
    tests; it has to raise, as the caller relies on nothing running after it.
    """
    logger.critical("stopping to protect data: %s", reason)
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stdout.flush()
    sys.stderr.flush()
    leave(EXIT_PROTECT)


def refuse(reason: str, *, leave: Callable[[int], NoReturn] = os._exit) -> NoReturn:
    """End the process with `EXIT_REFUSED` and one line on standard error; never returns.

    For what a worker finds in its logs before it has written anything, and what a restart cannot cure.
    `reason` and `leave` as in `die`.
    """
    for handler in logging.getLogger().handlers:
        handler.flush()
    sys.stderr.write(f"rollcall: {reason}\n")
    sys.stderr.flush()
    leave(EXIT_REFUSED)
