"""Fetches that go on although a batch fails its checksum, or cannot be inflated."""

import logging
from collections.abc import Awaitable, Callable, Iterable
from math import inf
from time import monotonic

from aiokafka.errors import CorruptRecordException

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.fetched import FetchedRange
from app.engine.slices import Partition

_PARTITION_SECONDS = 0.02
"""How long the fetch of one partition may take while partitions are read one by one."""

_REPORT_SECONDS = 60.0
"""The time between two log lines about one partition."""

logger = logging.getLogger(__name__)

Ranges = dict[Partition, list[FetchedRange]]


class CorruptBatches:
    """Reads a batch with a wrong checksum again, because bits can flip on the way.

    A batch that is broken on the broker's disk must not stop the other partitions. So partitions are read one
    by one as long as one of them has such a batch.
    """

    def __init__(
        self, state: AssignmentState, fetch: Callable[[Iterable[Partition], float], Awaitable[Ranges]]
    ) -> None:
        """`fetch(partitions, seconds)` raises CorruptRecordException, which does not say which partition it
        is."""
        self._state = state
        self._fetch = fetch
        self._reported: dict[Partition, float] = {}
        """Partitions with a wrong checksum, each with the monotonic time at which that was last logged."""
        self._singly = False

    async def read(self, room: set[Partition], seconds: float) -> Ranges:
        """Returns what was fetched of the partitions `room` within so many seconds."""
        if not self._singly:
            try:
                return await self._fetch(room, seconds)
            except CorruptRecordException:
                # The exception has lost the records that aiokafka had taken of the other partitions.
                self._state.unread(room)
                self._singly = True
                return {}
        found: Ranges = {}
        for partition in room:
            try:
                found |= await self._fetch([partition], _PARTITION_SECONDS)
            except CorruptRecordException:
                self._state.unread([partition])
                self._report(partition)
        still_corrupt = room - found.keys()
        self._reported = {each: at for each, at in self._reported.items() if each in still_corrupt}
        self._singly = bool(self._reported)
        return found

    def _report(self, partition: Partition) -> None:
        """Logs which partition cannot be read, at most once a minute."""
        now = monotonic()
        if now - self._reported.get(partition, -inf) < _REPORT_SECONDS:
            return
        self._reported[partition] = now
        logger.error(
            "%s/%d: the batch at offset %s fails its checksum, or cannot be inflated; it is read again"
            " until it is right",
            *partition,
            self._state.gaps.expected(partition),
        )
