"""Which fetches may be dispatched: only those that began after the last seek had ended.

Faust resumes partitions before it seeks them (faust/tables/recovery.py, `on_recovery_completed`), and
a fetch that is under way returns whenever it likes. What it brings is of the old position or of the
new one, nobody can tell; so it is dropped, and its partitions are rewound: aiokafka has moved its
position past the dropped records. Dropping without rewinding loses them.
"""

from enum import Enum, auto

from app.lane.slices import Partition


class Phase(Enum):
    CLOSED = auto()  # revoked or stopping; a seek of every partition comes before anything is fetched
    SEEKING = auto()  # the committed offsets are being read and sought
    SOUGHT = auto()  # positions are right; Faust still empties its queues when the flow resumes
    OPEN = auto()


class FetchGate:
    """A fetch takes a ticket when it begins; the ticket is void once the gate has closed."""

    def __init__(self) -> None:
        self.phase = Phase.CLOSED
        self._epoch = 0
        self._dropped: set[Partition] = set()

    def close(self) -> None:
        self.phase = Phase.CLOSED
        self._epoch += 1
        self._dropped.clear()

    def begin_seek(self) -> None:
        self.close()
        self.phase = Phase.SEEKING

    def end_seek(self) -> None:
        """Every position is right, and nothing is left to rewind."""
        if self.phase is Phase.SEEKING:
            self.phase = Phase.SOUGHT

    def open(self) -> bool:
        """The flow resumes; opens if the seek is over. Faust also resumes it before it seeks."""
        if self.phase is Phase.SOUGHT:
            self.phase = Phase.OPEN
        return self.phase is Phase.OPEN

    def ticket(self) -> int | None:
        """For a fetch that begins now; None while nothing may be fetched."""
        return self._epoch if self.phase is Phase.OPEN else None

    def admits(self, ticket: int) -> bool:
        return self.phase is Phase.OPEN and ticket == self._epoch

    def drop(self, partition: Partition) -> None:
        """Records of this partition were fetched and not dispatched."""
        if self.phase is not Phase.CLOSED:
            self._dropped.add(partition)

    def is_dropped(self, partition: Partition) -> bool:
        """Whether the partition waits for its rewind."""
        return partition in self._dropped

    def dropped(self) -> set[Partition]:
        """Hands over the partitions to rewind. During a seek its end asks for them."""
        dropped, self._dropped = self._dropped, set()
        return dropped
