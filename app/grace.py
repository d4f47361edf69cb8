"""The end of the grace period: a deleted user's marker becomes a tombstone (contract, section 4)."""

import asyncio
import logging
import time
from typing import Final

from app.lane.table_pair import TablePair
from app.state import decode_user, expired

# Nobody waits for a tombstone to the minute; a look at every row takes some tenths of a second.
SWEEP_SECONDS: Final = 60.0
# With a grace period of nothing the sweep must not be all that the worker does.
_LEAST_SECONDS: Final = 1.0
# A row without this text is no marker: spares decoding it.
_MARK: Final = b'"status":"deleted"'
_ROWS_AT_ONCE: Final = 20_000

logger = logging.getLogger(__name__)


async def sweep_markers(tables: TablePair, grace_seconds: float, every: float = SWEEP_SECONDS) -> None:
    """Until cancelled: ends the markers that are older than the grace period, in the partitions that
    are this worker's at the time."""
    while True:
        await asyncio.sleep(max(min(every, grace_seconds), _LEAST_SECONDS))
        for partition in tables.users.live_partitions():
            ended = await _sweep_partition(tables, partition, int(grace_seconds * 1_000_000))
            if ended:
                logger.info("the grace period of %d deleted users is over", ended)


async def _sweep_partition(tables: TablePair, partition: int, grace: int) -> int:
    users = tables.users
    keys = users.live(partition).keys()
    ended = 0
    for start in range(0, len(keys), _ROWS_AT_ONCE):
        # Between two turns the partition may have gone to another worker, which goes on with it.
        if not users.is_live(partition):
            break
        rows = users.live(partition)
        now = time.time_ns() // 1000
        for key in keys[start : start + _ROWS_AT_ONCE]:
            row = rows.get(key)
            if row is not None and _MARK in row and expired(decode_user(row), now, grace):
                rows.put(key, None)
                ended += 1
        rows.flush(tables.producer, users.changelog_topic_name, partition)
        await asyncio.sleep(0)
    return ended
