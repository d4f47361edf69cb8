"""A worker that hangs when it is told to: `python -m tests.integration.hanging_worker KIND`, then SIGUSR1.

The rest of it is the worker of production.
"""

import asyncio
import signal
import sys
import threading
import time
from typing import Any, Final

import app.vendor_agent
from app.cli.main import main
from app.lane import Slice
from app.lane.thread import LaneThread
from app.outcome import Outcome
from app.vendor_agent import VendorAgent
from app.vendors import convert

_hang: Final = threading.Event()
_FOR_EVER: Final = 3600.0


def loop() -> None:
    """The mapping of a record never ends."""

    def hanging(*args: Any) -> Outcome:
        if _hang.is_set():
            time.sleep(_FOR_EVER)
        return convert(*args)

    _replace(app.vendor_agent, "convert", hanging)


def agent() -> None:
    """An agent waits for something that never comes, in the middle of a slice."""
    handle = VendorAgent.handle

    async def hanging(self: VendorAgent, records: Slice) -> None:
        if _hang.is_set():
            await asyncio.Event().wait()
        await handle(self, records)

    _replace(VendorAgent, "handle", hanging)


def fetch() -> None:
    """A fetch never returns."""
    _patch_fetch(asyncio.Event().wait)


def thread() -> None:
    """The consumer's thread stands still."""

    async def stand_still() -> None:
        time.sleep(_FOR_EVER)  # noqa: ASYNC251

    _patch_fetch(stand_still)


def _patch_fetch(hang: Any) -> None:
    fetch_records = LaneThread._fetch_records

    async def hanging(self: LaneThread, *args: Any, **options: Any) -> Any:
        if _hang.is_set():
            await hang()
        return await fetch_records(self, *args, **options)

    _replace(LaneThread, "_fetch_records", hanging)


def _replace(owner: object, name: str, by: object) -> None:
    setattr(owner, name, by)


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: _hang.set())
    {"loop": loop, "agent": agent, "fetch": fetch, "thread": thread}[sys.argv[1]]()
    sys.exit(main(["worker"]))
