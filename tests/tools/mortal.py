"""A worker whose event loop ends the process with code 70 at SIGUSR1, in the middle of whatever it does."""

import asyncio
import signal
from importlib import import_module
from typing import Any, Final

from app.engine import die
from tests.tools.replacing import replace

# The package has a function of the same name.
RUN: Final[Any] = import_module("app.engine.run")


def make_mortal() -> None:
    """Prepares the worker that this process becomes."""
    run = RUN._run

    async def mortal(app: Any, stop_deadline: float) -> int:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, die, "this worker was told to die")
        code: int = await run(app, stop_deadline)
        return code

    replace(RUN, "_run", mortal)
