"""A worker that hangs after SIGUSR1: `python -m tests.integration.hanging_worker KIND`.

It prints HANGS when everything that comes from now on hangs. Everything else is the real worker.
"""

import asyncio
import os
import signal
import sys
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Final

import app.vendor_agent
from app.cli.main import main
from app.engine import Partition
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.consumer import SliceConsumer
from app.outcome import Outcome
from app.vendors import convert
from tests.tools.replacing import replace

HANGS: Final = "from now on it hangs"

_hang: Final = threading.Event()
_FOR_EVER: Final = 3600.0


def loop() -> None:
    """The mapping of a record never ends."""

    def hanging(*args: Any) -> Outcome:
        if _hang.is_set():
            time.sleep(_FOR_EVER)
        return convert(*args)

    replace(app.vendor_agent, "convert", hanging)
    _on_signal(_say)


def agent() -> None:
    """A slice waits for a turn that never comes."""
    turn = SliceConsumer.turn

    @asynccontextmanager
    async def hanging(self: SliceConsumer, partition: Partition) -> AsyncIterator[None]:
        if _hang.is_set():
            await asyncio.Event().wait()
        async with turn(self, partition):
            yield

    replace(SliceConsumer, "turn", hanging)
    _on_signal(_say)


def fetch() -> None:
    """A fetch never returns."""
    _patch_fetch(asyncio.Event().wait)


def thread() -> None:
    """The consumer's thread hangs."""

    async def stand_still() -> None:
        time.sleep(_FOR_EVER)  # noqa: ASYNC251

    _patch_fetch(stand_still)


def _patch_fetch(hang: Any) -> None:
    fetch_records = ClientThread._fetch_records

    async def hanging(self: ClientThread, *args: Any, **options: Any) -> Any:
        if _hang.is_set():
            # A fetch that began before the signal has returned, and would have brought new records.
            _say()
            await hang()
        return await fetch_records(self, *args, **options)

    replace(ClientThread, "_fetch_records", hanging)
    _on_signal(lambda: None)


def _on_signal(then: Callable[[], None]) -> None:
    def hang(*_: object) -> None:
        _hang.set()
        then()

    signal.signal(signal.SIGUSR1, hang)


def _say() -> None:
    os.write(sys.stderr.fileno(), f"{HANGS}\n".encode())


if __name__ == "__main__":
    {"loop": loop, "agent": agent, "fetch": fetch, "thread": thread}[sys.argv[1]]()
    sys.exit(main(["worker"]))
