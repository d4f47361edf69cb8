"""Decides how much one call of `getmany` may still take, and which partition may keep a large batch.

A turn, which is one call of `getmany`, ends when its records cost as much as the client allows. At most one
partition of a client keeps a large batch; the next large batch of another partition waits until all records
of that one are taken (docs/design.md#what-a-fetch-may-inflate-to).
"""

from collections.abc import Callable
from typing import Final, Protocol
from weakref import ref

from app.engine.record_batches.inflation import LARGEST_BATCH, USUAL_BATCH

TURN_BYTES: Final = 32 << 20
"""What one turn of a client may cost that says nothing else."""


class HasLarge(Protocol):
    """Reads the answers for one partition (`AnswerReader`)."""

    @property
    def has_large(self) -> bool:
        """Whether a large batch is in memory."""


_Reference = Callable[[], "HasLarge | None"]


def _nobody() -> None:
    return None


class FetchBudget:
    """What one client may still take in this turn, and which partition has a large batch."""

    def __init__(self, partition_bytes: int = TURN_BYTES, turn_bytes: int = TURN_BYTES) -> None:
        """`partition_bytes`: how many bytes of memory the records of one partition may take in one turn.
        `turn_bytes`: how many those of all partitions may, with what was inflated in vain. The last records
        may exceed both."""
        self._partition_bytes = partition_bytes
        self._turn_bytes = self.left = turn_bytes
        self._owner: _Reference = _nobody
        self._next: _Reference = _nobody
        self._refused: _Reference = _nobody

    def begin_turn(self) -> None:
        """Begins a turn. A partition that was refused a large batch in the last one comes first now, because
        others could be quicker every time."""
        self.left = self._turn_bytes
        self._next, self._refused = self._refused, _nobody

    def has_left(self, size: int) -> bool:
        """Returns whether more may be taken of a partition of which `size` bytes were taken in this turn."""
        return self.left > 0 and size < self._partition_bytes

    def largest_of(self, reader: HasLarge) -> int:
        """Returns how many bytes the next batch of this partition may inflate to."""
        owner = self._owner()
        taken = owner is not None and owner is not reader and owner.has_large
        return USUAL_BATCH if taken or self._next() not in (None, reader) else LARGEST_BATCH

    def took(self, reader: HasLarge) -> None:
        """Notes that this partition has a large batch now."""
        self._owner, self._next = ref(reader), _nobody

    def refused(self, reader: HasLarge) -> None:
        """Notes that this partition waits with a large batch."""
        if self._refused() is None:
            self._refused = ref(reader)
