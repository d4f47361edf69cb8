"""The end of the grace period: a tombstone replaces a deleted user's marker (docs/tables.md#grace-period).

Deletions are sorted by their time, so a sweep reads the rows that are due and not every row.
"""

import asyncio
import heapq
import logging
import time
from collections.abc import Callable
from typing import Final, NamedTuple

from app.engine import PartitionRows, UserTables
from app.state import DeletedUser, InvalidRow, User, changed_user, decode_user, expired, micros_of

# A tombstone may be a minute late: the grace period is usually days.
SWEEP_SECONDS: Final = 60.0
# With a grace period of 0 the sweeps must not take all the worker's time.
_LEAST_SECONDS: Final = 1.0
# So many rows are read before the event loop gets its turn.
ROWS_AT_ONCE: Final = 5_000

logger = logging.getLogger(__name__)


class Deletions:
    """The deletions in each live partition. It watches the users table for them (`RowWatcher` of the
    engine)."""

    text = b'"deleted_at"'
    """Each row with a deletion contains this text: a marker, and the row of a user who came back."""
    beside_key = 256
    """How many bytes a marker may have in addition to three times its key. It contains the parts of its key,
    which JSON makes at most three times as long (by escaping each character that is not ASCII), and 102 bytes
    of names, status and time. The rest is for white space."""

    def __init__(self) -> None:
        self._partitions: dict[int, PartitionDeletions] = {}

    def installed(self, partition: int, rows: PartitionRows) -> Callable[[bytes], object]:
        """Returns the function to call with the key of each row with a deletion that is put from now on.
        Called when the rows of a partition are restored."""
        deletions = self._partitions[partition] = PartitionDeletions(rows)
        return deletions.put

    def forgotten(self, partition: int) -> None:
        """Forgets the deletions of a partition. Called when the worker drops its rows."""
        self._partitions.pop(partition, None)

    def live(self) -> list[tuple[int, "PartitionDeletions"]]:
        """Returns the partitions whose rows this worker has, each with its deletions."""
        return list(self._partitions.items())

    def is_live(self, partition: int, deletions: "PartitionDeletions") -> bool:
        """Returns whether these are still the deletions of the partition. They are not if the partition was
        revoked, also if it was assigned again since."""
        return self._partitions.get(partition) is deletions


class Swept(NamedTuple):
    ended: int
    """The number of markers that were replaced by tombstones."""
    more: bool
    """Whether the sweep stopped at its limit of rows, so more rows may be due."""


class PartitionDeletions:
    """The markers of one partition by their time. Each key is in it once, so there are never more entries
    than deleted users.

    An entry only says when to read the row; what is done depends on the row alone.
    """

    def __init__(self, rows: PartitionRows) -> None:
        self.rows = rows
        self._restored: set[bytes] | None = None  # None: the restored rows have not been searched yet
        self._put: set[bytes] = set()
        self._times: list[tuple[int, bytes]] = []  # a heap
        self._listed: set[bytes] = set()  # the keys in it

    def put(self, key: bytes) -> None:
        """Remembers the key of a row with a deletion that was put."""
        self._put.add(key)

    def sweep(self, now: int, grace: int, most: int) -> Swept:
        """Removes the markers that are older than the grace period, and reads at most `most` rows. `now` and
        `grace`: in microseconds. The caller appends the tombstones to the changelog."""
        if self._restored is None:
            self._restored = set(self.rows.holding(Deletions.text))
        new = self._restored or self._put
        looked = ended = 0
        while new and looked < most:
            key = new.pop()
            looked += 1
            if key not in self._listed:
                self._list(key, self._user(key))
            new = self._restored or self._put
        while self._times and self._times[0][0] + grace < now and looked < most:
            _, key = heapq.heappop(self._times)
            self._listed.remove(key)
            looked += 1
            user = self._user(key)
            if user is not None and expired(user, now, grace):
                self.rows.put(key, None, changed_user(user, None, None, None))
                ended += 1
            else:
                self._list(key, user)  # a later deletion, or the user came back
        return Swept(ended, more=looked == most)

    def _list(self, key: bytes, user: User | None) -> None:
        if isinstance(user, DeletedUser):
            heapq.heappush(self._times, (micros_of(user.deleted_at), key))
            self._listed.add(key)

    def _user(self, key: bytes) -> User | None:
        """Returns the row of a user; None if it does not exist, and also if the value is no row: a sweep
        leaves that alone."""
        row = self.rows.get(key)
        try:
            return None if row is None else decode_user(row)
        except InvalidRow:
            return None


async def sweep_markers(
    tables: UserTables, deletions: Deletions, grace_seconds: float, every: float = SWEEP_SECONDS
) -> None:
    """Runs until it is cancelled. Every `every` seconds it writes tombstones for the markers that are older
    than the grace period, in the partitions that this worker has at the time."""
    grace = int(grace_seconds * 1_000_000)
    while True:
        await asyncio.sleep(max(min(every, grace_seconds), _LEAST_SECONDS))
        for partition, due in deletions.live():
            ended, more = 0, True
            # While the event loop had its turn, the partition may have moved to another worker, which sweeps
            # it.
            while more and deletions.is_live(partition, due):
                swept = due.sweep(time.time_ns() // 1000, grace, ROWS_AT_ONCE)
                due.rows.append_changed(tables.producer, tables.users.changelog_topic_name, partition)
                ended, more = ended + swept.ended, swept.more
                await asyncio.sleep(0)
            if ended:
                logger.info("the grace period of %d deleted users is over", ended)
