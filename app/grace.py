"""The end of the grace period: a deleted user's marker becomes a tombstone (contract, section 4).

Deletions are kept by their time, so that a sweep looks at what is due and not at every row.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from app.lane.table_pair import TablePair
from app.lane.tables import PartitionRows
from app.state import InvalidRow, Marker, User, decode_user, expired
from app.state.rows import micros_of

# Nobody waits for a tombstone to the minute.
SWEEP_SECONDS: Final = 60.0
# With a grace period of nothing the sweep must not be all that the worker does.
_LEAST_SECONDS: Final = 1.0
# Rows that are looked at in one go; the loop turns in between.
ROWS_AT_ONCE: Final = 5_000

logger = logging.getLogger(__name__)


class Deletions:
    """The times of the deletions in each live partition; watches the users table for them."""

    text = b'"deleted_at"'
    """Each row that knows a deletion holds it: a marker, and the row of a user who came back."""
    beside_key = 256
    """A marker has what its key has, which JSON makes at most three times as long (each character that is
    not ASCII escaped), and 102 bytes of names, status and time. The rest is for white space."""

    def __init__(self) -> None:
        self._partitions: dict[int, PartitionDeletions] = {}

    def installed(self, partition: int, rows: PartitionRows) -> Callable[[bytes], object]:
        deletions = self._partitions[partition] = PartitionDeletions(rows)
        return deletions.put

    def forgotten(self, partition: int) -> None:
        self._partitions.pop(partition, None)

    def live(self) -> list[tuple[int, "PartitionDeletions"]]:
        return list(self._partitions.items())

    def is_live(self, partition: int, deletions: "PartitionDeletions") -> bool:
        """False also if the partition has left and come back since."""
        return self._partitions.get(partition) is deletions


class Swept(NamedTuple):
    ended: int
    """Markers that became tombstones."""
    more: bool
    """There was more to look at than one go allows."""


class PartitionDeletions:
    """Markers by their time, each key once, so it never holds more entries than there are deleted users.

    The row decides: an entry only says when to look at it.
    """

    def __init__(self, rows: PartitionRows) -> None:
        self.rows = rows
        self._found: set[bytes] | None = None  # None: what recovery installed has not been looked at
        self._put: set[bytes] = set()
        self._times: list[tuple[int, bytes]] = []  # a heap
        self._listed: set[bytes] = set()  # the keys in it

    def put(self, key: bytes) -> None:
        """A row that knows a deletion was put under this key."""
        self._put.add(key)

    def sweep(self, now: int, grace: int, most: int) -> Swept:
        """Ends the markers that are older than the grace period at `now`, both in microseconds. Looks at
        no more than `most` rows. The caller flushes."""
        if self._found is None:
            self._found = set(self.rows.holding(Deletions.text))
        new = self._found or self._put
        looked = ended = 0
        while new and looked < most:
            key = new.pop()
            looked += 1
            if key not in self._listed:
                self._list(key, self._user(key))
            new = self._found or self._put
        while self._times and self._times[0][0] + grace < now and looked < most:
            _, key = heapq.heappop(self._times)
            self._listed.remove(key)
            looked += 1
            user = self._user(key)
            if user is not None and expired(user, now, grace):
                self.rows.put(key, None)
                ended += 1
            else:
                self._list(key, user)  # a later deletion, or the user came back
        return Swept(ended, more=looked == most)

    def _list(self, key: bytes, user: User | None) -> None:
        if isinstance(user, Marker):
            heapq.heappush(self._times, (micros_of(user.deleted_at), key))
            self._listed.add(key)

    def _user(self, key: bytes) -> User | None:
        """None also for what is no row, which is not ours to end."""
        row = self.rows.get(key)
        try:
            return None if row is None else decode_user(row)
        except InvalidRow:
            return None


async def sweep_markers(
    tables: TablePair, deletions: Deletions, grace_seconds: float, every: float = SWEEP_SECONDS
) -> None:
    """Until cancelled: ends the markers that are older than the grace period, in the partitions that
    are this worker's at the time."""
    grace = int(grace_seconds * 1_000_000)
    while True:
        await asyncio.sleep(max(min(every, grace_seconds), _LEAST_SECONDS))
        for partition, found in deletions.live():
            ended, more = 0, True
            # Between two turns the partition may have gone to another worker, which goes on with it.
            while more and deletions.is_live(partition, found):
                swept = found.sweep(time.time_ns() // 1000, grace, ROWS_AT_ONCE)
                found.rows.flush(tables.producer, tables.users.changelog_topic_name, partition)
                ended, more = ended + swept.ended, swept.more
                await asyncio.sleep(0)
            if ended:
                logger.info("the grace period of %d deleted users is over", ended)
