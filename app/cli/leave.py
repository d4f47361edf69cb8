"""`rollcall leave INSTANCE`: removes a static member from the group, so the others take its partitions."""

import asyncio
import sys

from app.engine import leave_group
from app.errors import CommandFailed
from app.group_admin import ask_group
from app.settings import Settings


def run_leave(settings: Settings, instance: str) -> int:
    """Removes the member with this GROUP_INSTANCE_ID, and prints one line. Returns the exit code, 0.

    Waits up to `settings.broker_wait` seconds for a broker, and as long for the group's coordinator. Raises
    BrokerUnreachable, AccessRefused, and CommandFailed if the group has no such member or the coordinator
    refuses.
    """
    group = settings.app_id
    if not asyncio.run(ask_group(settings, lambda admin: leave_group(admin, group, instance), "leave")):
        raise CommandFailed(f"group {group} has no member with the GROUP_INSTANCE_ID {instance}")
    sys.stdout.write(f"{instance} has left group {group}\n")
    return 0
