"""Waits before a write until the group's coordinator has answered a heartbeat.

The wait makes the time short in which a zombie can write. It cannot prevent that a zombie writes, and so rows
merge (docs/design.md#heartbeat-age).
"""

import asyncio
from collections.abc import Callable

from app.engine.config import ProducerConfig

_POLL_SECONDS = 0.05

HeartbeatAge = Callable[[], float | None]
"""Returns the seconds since the last heartbeat that the group coordinator answered was sent; None before the
first one."""


async def age_without_heartbeat(
    heartbeat_age: HeartbeatAge, config: ProducerConfig, clock: Callable[[], float]
) -> float | None:
    """Returns None when the last answered heartbeat is young enough. If it does not become so within
    `heartbeat_patience_seconds`, returns its age in seconds, and then nothing may be written."""
    waits_since = clock()
    while (age := heartbeat_age()) is not None and age > config.session_timeout_seconds:
        if clock() - waits_since >= config.heartbeat_patience_seconds:
            return age
        await asyncio.sleep(_POLL_SECONDS)
    return None
