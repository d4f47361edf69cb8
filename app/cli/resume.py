"""`rollcall resume VENDOR|events`: ends a pause, by a request to workers, or while no worker runs."""

import sys
from collections.abc import Sequence
from urllib.parse import quote

from app.cli.worker_client import switch
from app.errors import CommandFailed
from app.idle_group import resume_idle
from app.settings import Settings


def run_resume(
    settings: Settings, vendor: str, urls: Sequence[str], skip: str = "", *, no_workers: bool = False
) -> int:
    """Asks workers to resume the vendor, or the canonical topic (`events`), and prints the number of their
    partitions. Returns the exit code, 0.

    `skip`: the position of a record that becomes a dead letter unread; empty: none. `urls`: the workers'
    addresses; if empty, that of a worker with these settings on this machine. `no_workers`: change what the
    group has committed, in place of a request. Raises CommandFailed if there is no answer, or if a worker or
    the brokers refuse, and BrokerUnreachable.
    """
    if not no_workers:
        query = f"?skip={quote(skip)}" if skip else ""
        switch(settings, urls, f"/vendors/{vendor}/resume{query}", f"{vendor} is resumed")
        return 0
    if not (partitions := resume_idle(settings, vendor)):
        raise CommandFailed(f"{vendor} is not paused in group {settings.app_id}")
    sys.stdout.write(f"{vendor} is resumed: {partitions} partitions\n")
    return 0
