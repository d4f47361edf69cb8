"""A worker, `python -m app worker`, whose only broker is killed at one moment of its start:
`python -m tests.integration.bounced_worker MOMENT PID BOOTSTRAP`.

The process with this id, which serves at `BOOTSTRAP`, is the broker.
"""

import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable
from typing import Any, Final

import app.cli.worker
import app.topic_admin
from app.cli.main import main
from app.engine.tables.manager import SliceTableManager
from app.topic_check import check_topics
from tests.tools.replacing import replace

Kill = Callable[[], None]


def killing(pid: int, bootstrap: str) -> Kill:
    """Returns a function that kills the broker when it is called for the first time."""
    host, port = bootstrap.split(":")
    left = [pid]

    def kill() -> None:
        if left:
            os.kill(left.pop(), signal.SIGKILL)
            with socket.socket() as probe:
                while probe.connect_ex((host, int(port))) == 0:
                    pass

    return kill


def describing(kill: Kill) -> None:
    """The broker has named the topics, and is away when it is asked for their settings."""
    original = app.topic_admin._with_configs

    async def with_configs(*arguments: Any) -> Any:
        kill()
        return await original(*arguments)

    replace(app.topic_admin, "_with_configs", with_configs)


def connecting(kill: Kill) -> None:
    """The topics are checked, and the clients are to connect."""

    def check(*arguments: Any) -> Any:
        kill()
        return check_topics(*arguments)

    replace(app.cli.worker, "check_topics", check)


def writing(kill: Kill) -> None:
    """The consumer is connected, and the producers are to connect."""
    original: Callable[[SliceTableManager], Awaitable[None]] = SliceTableManager.on_start

    async def on_start(self: SliceTableManager) -> None:
        kill()
        await original(self)

    replace(SliceTableManager, "on_start", on_start)


MOMENTS: Final = {each.__name__: each for each in (describing, connecting, writing)}

if __name__ == "__main__":
    MOMENTS[sys.argv[1]](killing(int(sys.argv[2]), sys.argv[3]))
    sys.exit(main(["worker"]))
