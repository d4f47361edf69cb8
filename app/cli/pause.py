"""`rollcall pause VENDOR|events`: pauses a vendor, by a request to workers, or while no worker runs."""

import sys
from collections.abc import Sequence
from urllib.parse import quote

from app.cli.worker_client import switch
from app.errors import CommandFailed
from app.idle_group import pause_idle
from app.pause_reasons import by_operator
from app.settings import Settings


def run_pause(
    settings: Settings, vendor: str, urls: Sequence[str], words: str = "", *, no_workers: bool = False
) -> int:
    """Asks workers to pause the vendor, or the canonical topic (`events`), and prints the number of their
    partitions. Returns the exit code, 0.

    `words`: why, for `/readyz` and the log; may be empty. `urls`: the workers' addresses; if empty, that of a
    worker with these settings on this machine. `no_workers`: change what the group has committed, in place of
    a request. Raises PauseRefused; CommandFailed if there is no answer, if a worker or the brokers refuse, or
    if none of the workers has a partition of the topic; and BrokerUnreachable.
    """
    reason = by_operator(words)
    if no_workers:
        sys.stdout.write(f"{vendor} is paused: {pause_idle(settings, vendor, reason)} partitions\n")
        return 0
    query = f"?reason={quote(words)}" if words else ""
    if not switch(settings, urls, f"/vendors/{vendor}/pause{query}", f"{vendor} is paused"):
        raise CommandFailed(f"nothing is paused: none of the workers asked has a partition of {vendor}")
    return 0
