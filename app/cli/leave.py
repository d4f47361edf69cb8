"""`rollcall leave INSTANCE`: removes a static member from the group, so the others take its partitions."""

import asyncio
import sys
import time
from typing import Final

from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from app.admin_client import connect
from app.engine import leave_group
from app.errors import BrokerUnreachable, CommandFailed
from app.settings import Settings

_RETRY_SECONDS: Final = 0.5


def run_leave(settings: Settings, instance: str) -> int:
    """Removes the member with this GROUP_INSTANCE_ID, and prints one line. Returns the exit code, 0.

    Waits up to `settings.broker_wait` seconds for a broker, and as long for the group's coordinator. Raises
    BrokerUnreachable, AccessRefused, and CommandFailed if the group has no such member or the coordinator
    refuses.
    """
    if not asyncio.run(_leave(settings, instance)):
        raise CommandFailed(f"group {settings.app_id} has no member with the GROUP_INSTANCE_ID {instance}")
    sys.stdout.write(f"{instance} has left group {settings.app_id}\n")
    return 0


async def _leave(settings: Settings, instance: str) -> bool:
    group = settings.app_id
    admin = await connect(settings, time.monotonic() + settings.broker_wait)
    deadline = time.monotonic() + settings.broker_wait
    try:
        while True:
            try:
                return await leave_group(admin, group, instance)
            except GroupAuthorizationFailedError:
                raise CommandFailed(f"not authorized to leave group {group}: READ on it is missing") from None
            except TimeoutError:
                raise BrokerUnreachable(f"the coordinator of group {group} does not answer") from None
            except KafkaError as error:
                if not error.retriable or time.monotonic() >= deadline:
                    name = type(error).__name__
                    raise CommandFailed(f"the coordinator of group {group} answers {name}") from None
            await asyncio.sleep(_RETRY_SECONDS)
    finally:
        await admin.close()
