"""A worker that ends with code 70 after SIGUSR1: `python -m tests.integration.dying_worker KIND`.

Its loop dies in the middle of whatever it does. Its session is longer than any test waits, so a group that
goes on without it was left. Everything else is the real worker.
"""

import sys
from typing import Any

from aiokafka.consumer.group_coordinator import GroupCoordinator
from msgspec import structs

import app.worker
from app.cli.main import main
from app.engine import ConsumerConfig, departure
from app.settings import Settings
from app.worker_options import consumer_options
from tests.tools.mortal import make_mortal
from tests.tools.replacing import replace
from tests.waiting import GIVE_UP_SECONDS


def hasty() -> None:
    """It waits for its brokers no longer than any worker."""


def patient() -> None:
    """It waits for its brokers as long as they need on a busy machine."""
    replace(departure, "_END_SECONDS", GIVE_UP_SECONDS)
    replace(departure, "_LEAVE_SECONDS", GIVE_UP_SECONDS)


def static() -> None:
    """It is a static member of its group."""
    patient()
    init = GroupCoordinator.__init__

    def with_instance(self: Any, *args: Any, **options: Any) -> None:
        init(self, *args, **{**options, "group_instance_id": "a"})

    replace(GroupCoordinator, "__init__", with_instance)


def _long_session(settings: Settings) -> ConsumerConfig:
    # With heartbeats as rare as such a session allows, it would hear of a rebalance two minutes late.
    return structs.replace(consumer_options(settings), session_timeout=1200.0, heartbeat_interval=0.3)


if __name__ == "__main__":
    make_mortal()
    replace(app.worker, "consumer_options", _long_session)
    {"hasty": hasty, "patient": patient, "static": static}[sys.argv[1]]()
    sys.exit(main(["worker"]))
