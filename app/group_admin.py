"""Requests of commands to the coordinator of the group."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupAuthorizationFailedError, KafkaError

from app.admin_client import connect
from app.errors import BrokerUnreachable, CommandFailed
from app.settings import Settings

_RETRY_SECONDS: Final = 0.5

T = TypeVar("T")


async def ask_group(
    settings: Settings, ask: Callable[[AIOKafkaAdminClient], Awaitable[T]], what: str, group: str = ""
) -> T:
    """Returns what `ask` returns. It is called again after an error that a moment can cure.

    Waits up to `settings.broker_wait` seconds for a broker, and as long for such errors to end. `what`: what
    the caller wants to do with the group, such as `leave`. `group`: if empty, that of the workers. Raises
    BrokerUnreachable, and CommandFailed if the coordinator refuses.
    """
    group = group or settings.app_id
    admin = await connect(settings, time.monotonic() + settings.broker_wait)
    deadline = time.monotonic() + settings.broker_wait
    try:
        while True:
            try:
                return await ask(admin)
            except GroupAuthorizationFailedError:
                raise CommandFailed(
                    f"not authorized to {what} group {group}: READ on it is missing"
                ) from None
            except TimeoutError:
                raise BrokerUnreachable(f"the coordinator of group {group} does not answer") from None
            except KafkaError as error:
                if not error.retriable or time.monotonic() >= deadline:
                    name = type(error).__name__
                    raise CommandFailed(f"the coordinator of group {group} answers {name}") from None
            await asyncio.sleep(_RETRY_SECONDS)
    finally:
        await admin.close()
