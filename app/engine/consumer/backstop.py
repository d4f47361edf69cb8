"""Carries out what `Attempts` decides: it commits the counts before the work that they count."""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping
from time import monotonic

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition

logger = logging.getLogger(__name__)

Restore = Callable[[set[int]], Awaitable[Mapping[int, str]]]
"""Returns when the tables of these partitions, by their numbers, are restored. Returns those of which they
must not be used, each with the reason."""


class Backstop:
    """No input makes a crash loop: a partition of which workers die again and again is paused
    (docs/design.md#attempts)."""

    def __init__(self, state: AssignmentState, commit: Callable[[], Awaitable[bool]]) -> None:
        """`commit` commits everything that is committable."""
        self._state = state
        self._commit = commit

    def assigned(self, found: Mapping[Partition, tuple[int, CommitNote]]) -> None:
        """Takes over the notes of the committed offsets."""
        for partition, reason in self._state.assigned(found).items():
            _say_paused(partition, reason, "crash-loops")

    async def restore(self, partitions: Collection[Partition], restore: Restore) -> None:
        """Restores the tables of these partitions in turns, each as an attempt. Those of paused partitions
        are left out."""
        for group in self._state.restore_turns(partitions):
            self._state.begin_restore(group)
            await self._commit()
            withheld = await restore({number for _, number in group})
            self._state.end_attempts(group)
            for topic, number in sorted(group):
                if number in withheld:
                    self._state.withhold((topic, number), withheld[number])
                    _say_paused((topic, number), withheld[number], "rows-of-a-later-version")

    async def sought(self, ends: Mapping[Partition, int] | None) -> None:
        """Begins what has records to handle, before the first fetch: the partitions of which `ends` has the
        end of the log. Also commits the counts of what was restored and has none."""
        self._state.seen(ends)
        self._state.begin_attempts()
        await self._commit()

    async def before_fetch(self) -> None:
        """Begins what has its turn now."""
        if self._state.begin_attempts(now=monotonic()):
            await self._commit()

    async def fetched(self, found: Collection[Partition], asked: Iterable[Partition]) -> None:
        """Begins the partitions of which a fetch has found records, before these are dispatched."""
        if self._state.begin_attempts(found, asked, monotonic()):
            await self._commit()


def _say_paused(partition: Partition, reason: str, section: str) -> None:
    logger.error("%s/%d is paused: %s (docs/operators.md#%s says what to do)", *(*partition, reason, section))
