"""Decides which fetches may be dispatched: only those that began after the last seek had ended.

Faust resumes partitions before it seeks them (faust/tables/recovery.py, `on_recovery_completed`), and a fetch
that is under way can return at any time. Nobody can tell whether it returns records of the old position or of
the new one. So its records are dropped and its partitions are rewound, because aiokafka has moved its
position past the dropped records. If they were not rewound, the records would be lost
(docs/design.md#fetch-gate).
"""

from enum import Enum, auto

from app.engine.slices import Partition


class Phase(Enum):
    CLOSED = auto()  # Revoked or stopping. Every partition must be sought before anything is fetched.
    SEEKING = auto()  # The committed offsets are read, and the positions are set to them.
    SOUGHT = auto()  # The positions are right. Faust will empty its queues when it resumes the flow.
    OPEN = auto()


class FetchGate:
    """Gives each fetch the epoch in which it begins. An epoch ends when the gate closes."""

    def __init__(self) -> None:
        self.phase = Phase.CLOSED
        self._epoch = 0
        self._dropped: set[Partition] = set()

    def close(self) -> None:
        """Ends the epoch. What its fetches return is dropped."""
        self.phase = Phase.CLOSED
        self._epoch += 1
        self._dropped.clear()

    def begin_seek(self) -> None:
        """Notes that the positions of all partitions are about to be set."""
        self.close()
        self.phase = Phase.SEEKING

    def end_seek(self) -> None:
        """Notes that every position is right, and that no partition must be rewound."""
        if self.phase is Phase.SEEKING:
            self.phase = Phase.SOUGHT

    def open(self) -> bool:
        """Returns whether the gate is open, now that Faust resumes the flow. Faust does that before it seeks
        as well, and then the gate stays closed."""
        if self.phase is Phase.SOUGHT:
            self.phase = Phase.OPEN
        return self.phase is Phase.OPEN

    def epoch(self) -> int | None:
        """Returns the epoch of a fetch that begins now, or None if nothing may be fetched."""
        return self._epoch if self.phase is Phase.OPEN else None

    def admits(self, epoch: int) -> bool:
        """Returns whether the records of a fetch of this epoch may be dispatched."""
        return self.phase is Phase.OPEN and epoch == self._epoch

    def drop(self, partition: Partition) -> None:
        """Notes that records of the partition were fetched and not dispatched."""
        if self.phase is not Phase.CLOSED:
            self._dropped.add(partition)

    def is_dropped(self, partition: Partition) -> bool:
        """Returns whether the partition must still be rewound."""
        return partition in self._dropped

    def take_dropped(self) -> set[Partition]:
        """Returns the partitions to rewind, and forgets them. During a seek only `sought` asks for them."""
        taken, self._dropped = self._dropped, set()
        return taken
