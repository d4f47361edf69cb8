"""A worker that loses its group after SIGUSR1: `python -m tests.integration.outcast_worker KIND`.

Everything else is the real worker.
"""

import asyncio
import signal
import sys
import threading
from typing import Any, Final

from aiokafka.consumer import group_coordinator
from aiokafka.consumer.group_coordinator import GroupCoordinator
from msgspec import structs

import app.worker
from app.cli.main import main
from app.engine import ConsumerConfig
from app.settings import Settings
from app.worker_options import consumer_options
from tests.tools.replacing import replace

_now: Final = threading.Event()


def _from_now_on(change: Any) -> None:
    """Makes the next heartbeat call `change` with the coordinator, once, and then join again."""
    beat = GroupCoordinator._do_heartbeat

    async def watched(self: GroupCoordinator) -> Any:
        if _now.is_set():
            _now.clear()
            change(self)
            self.request_rejoin()
            return True
        return await beat(self)

    replace(GroupCoordinator, "_do_heartbeat", watched)


def failed() -> None:
    """The coordination in aiokafka fails by an error that is no answer of Kafka's."""

    async def fail(*_: Any) -> Any:
        raise ValueError("this text must not be seen")

    _from_now_on(lambda coordinator: replace(coordinator, "_do_rejoin_group", fail))


def absent() -> None:
    """The request to join is never answered."""

    async def wait_for_ever(*_: Any) -> Any:
        await asyncio.Event().wait()

    _from_now_on(
        lambda _: replace(group_coordinator.CoordinatorGroupRebalance, "perform_group_join", wait_for_ever)
    )


def _short_times(settings: Settings) -> ConsumerConfig:
    return structs.replace(
        consumer_options(settings),
        session_timeout=6.0,
        heartbeat_interval=0.2,
        rebalance_timeout=4.0,
        metadata_max_age=0.5,
    )


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, lambda *_: _now.set())
    replace(app.worker, "consumer_options", _short_times)
    if kind := sys.argv[1:]:
        {"failed": failed, "absent": absent}[kind[0]]()
    sys.exit(main(["worker"]))
