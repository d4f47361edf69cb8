"""Every decision of the consumer in one plain object: events in, answers out.

No I/O, no clock, no Faust: `LaneConsumer` tells it what happened and does what it says, and a state
machine in the tests drives this very object through random schedules.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from app.lane.continuity import Continuity, Verdict
from app.lane.gate import FetchGate, Phase
from app.lane.offsets import Flight, OffsetBook
from app.lane.slices import Partition


class Reception(Enum):
    DISPATCH = auto()  # hand the slice to its agent
    STALE = auto()  # fetched before the last seek ended, or not ours: drop it
    REREAD = auto()  # a gap: drop it, the partition is read once more
    HOLE = auto()  # dispatch it; the offsets before it are gone from the broker
    RESET = auto()  # dispatch it; the log was truncated or made anew


_RECEPTION = {
    Verdict.NEXT: Reception.DISPATCH,
    Verdict.REREAD: Reception.REREAD,
    Verdict.HOLE: Reception.HOLE,
    Verdict.RESET: Reception.RESET,
}


@dataclass(frozen=True, slots=True)
class Pressure:
    """How much may be on its way before a partition or a topic is not fetched for a while."""

    slices_per_partition: int = 4
    records_per_topic: int = 16_000


class PartitionDesk:
    """The partitions of one group member."""

    def __init__(self, pressure: Pressure | None = None, *, check_continuity: bool = True) -> None:
        self.book = OffsetBook()
        self.gate = FetchGate()
        self.continuity = Continuity()
        self._pressure = pressure or Pressure()
        self._check_continuity = check_continuity

    # -- rebalance, in this order: close, (drain, commit,) forget, begin_seek, sought, resume

    def close(self) -> list[Flight]:
        """From now on nothing is dispatched and nothing begun. Returns the slices taken back."""
        self.gate.close()
        return self.book.take_back()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Revoked; call it when nothing of them is in flight or committable any more."""
        partitions = list(partitions)
        self.book.forget(partitions)
        self.continuity.forget(partitions)

    def begin_seek(self) -> None:
        """The committed offsets are about to be read."""
        self.close()
        self.gate.begin_seek()

    def sought(self, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        """Positions were set to `offsets`. Returns what has to be sought again before the seek ends."""
        for partition, offset in offsets.items():
            self.continuity.place(partition, offset)
        again = self._targets(self.gate.dropped())
        if not again:
            self.gate.end_seek()
        return again

    def resume(self) -> bool:
        """Faust lets the flow go on; whether slices may flow, too."""
        return self.gate.open()

    # -- fetching

    def start_fetch(self) -> int | None:
        """A ticket for a fetch that begins now, None while none may begin."""
        return self.gate.ticket()

    def fetchable(self, partitions: Iterable[Partition]) -> set[Partition]:
        """Those that have room for another slice."""
        return {
            partition
            for partition in partitions
            if self.book.slices_of(partition) < self._pressure.slices_per_partition
            and self.book.records_of(partition[0]) < self._pressure.records_per_topic
        }

    def receive(
        self, ticket: int, partition: Partition, first: int, last: int
    ) -> tuple[Reception, Flight | None]:
        """A fetch brought offsets `first` to `last`; with a flight if they are to be dispatched.

        After the last partition of the fetch, carry out `rewinds`.
        """
        if not self.gate.admits(ticket) or self.continuity.expected(partition) is None:
            self.gate.drop(partition)
            return Reception.STALE, None
        verdict = self.continuity.check(partition, first) if self._check_continuity else Verdict.NEXT
        if verdict is Verdict.REREAD:
            self.gate.drop(partition)
            return Reception.REREAD, None
        self.continuity.advance(partition, last + 1)
        return _RECEPTION[verdict], self.book.dispatch(partition, first, last)

    def rewinds(self) -> dict[Partition, int]:
        """Offsets to set before the next fetch begins, for partitions whose records were dropped."""
        if self.gate.phase is Phase.SEEKING:
            return {}
        targets = self._targets(self.gate.dropped())
        self.continuity.rewound(targets)
        return targets

    # -- slices

    def begin(self, flight: Flight) -> bool:
        """Whether an agent may handle it. Raises SliceOrderError."""
        return self.book.begin(flight)

    def done(self, flight: Flight) -> bool:
        """Whether the acknowledgement still counts."""
        return self.book.done(flight)

    @property
    def in_flight(self) -> int:
        return self.book.in_flight

    def committable(self) -> dict[Partition, int]:
        return self.book.committable()

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        self.book.committed(offsets)

    def _targets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        # A late fetch may bring records of a partition that is not ours any more.
        targets = {}
        for partition in partitions:
            expected = self.continuity.expected(partition)
            if expected is not None:
                targets[partition] = expected
        return targets
