"""What a worker does if its brokers go away while it starts: it waits, as it does later."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka.errors import KafkaConnectionError

_RETRY_SECONDS = 0.5

logger = logging.getLogger(__name__)


async def when_a_broker_answers(connect: Callable[[], Awaitable[None]]) -> None:
    """Returns when `connect` has succeeded. It is called again as long as it raises KafkaConnectionError,
    because no broker answers. Raises whatever else it raises.

    The topics were checked before, so a broker has answered at these addresses. A deadline would only have a
    supervisor start the same wait again.
    """
    waiting = False
    while True:
        try:
            await connect()
        except KafkaConnectionError:
            if not waiting:
                waiting = True
                logger.warning("no broker answers any more: waiting for one")
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
