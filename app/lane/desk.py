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
    STALE = auto()  # fetched before the last seek ended, held, or not ours: drop it
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
        self.held: dict[Partition, str] = {}
        """Partitions of which nothing is fetched until they are released, each with the note that is
        committed beside its offset, so that whoever gets the partition next holds it as well."""
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
        for partition in partitions:
            self.held.pop(partition, None)

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
        """Those that have room for another slice, are not held, and need no rewind first."""
        return {
            partition
            for partition in partitions
            if partition not in self.held
            and not self.gate.is_dropped(partition)
            and self.book.slices_of(partition) < self._pressure.slices_per_partition
            and self.book.records_of(partition[0]) < self._pressure.records_per_topic
        }

    def receive(
        self, ticket: int, partition: Partition, first: int, last: int
    ) -> tuple[Reception, Flight | None]:
        """A fetch brought offsets `first` to `last`; with a flight if they are to be dispatched.

        After the last partition of the fetch, carry out `rewinds`.
        """
        passed_over = partition in self.held or self.gate.is_dropped(partition)
        if passed_over or not self.gate.admits(ticket) or self.continuity.expected(partition) is None:
            self.gate.drop(partition)
            return Reception.STALE, None
        verdict = self.continuity.check(partition, first) if self._check_continuity else Verdict.NEXT
        if verdict is Verdict.REREAD:
            self.gate.drop(partition)
            return Reception.REREAD, None
        self.continuity.advance(partition, last + 1)
        return _RECEPTION[verdict], self.book.dispatch(partition, first, last)

    def unread(self, partitions: Iterable[Partition]) -> None:
        """A fetch failed after it had taken records of these partitions; carry out `rewinds`."""
        for partition in partitions:
            self.gate.drop(partition)

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

    def committed(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str]) -> None:
        """The broker accepted `offsets`, each with its note of `notes`; a newer note has yet to go."""
        self.book.committed(
            {
                partition: offset
                for partition, offset in offsets.items()
                if notes.get(partition) == self.held.get(partition)
            }
        )

    # -- holds

    def hold(self, flight: Flight, note: str) -> list[Flight]:
        """A begun slice is handed back, nothing came of it: the partitions of its topic are held.

        Returns the slices taken back, of each partition the last first. Raises SliceOrderError.
        """
        taken = []
        for partition in self.continuity.placed(flight.partition[0]):
            of_it = self.book.take_back([partition])
            if partition == flight.partition:
                self.book.put_back(flight)
                of_it.append(flight)
            if of_it:
                self.continuity.place(partition, of_it[-1].first)
            # Whether a running fetch has moved its position on is not known: it is set in any case.
            self.gate.drop(partition)
            self.held[partition] = note
            self._commit_note(partition)
            taken += of_it
        return taken

    def remember(self, notes: Mapping[Partition, str]) -> None:
        """Partitions that were held when their offsets were last committed; to be called after `sought`."""
        self.held.update(notes)

    def release(self, topic: str) -> dict[Partition, str]:
        """The held partitions of a topic go on. Returns them, with their notes."""
        released = {partition: note for partition, note in self.held.items() if partition[0] == topic}
        for partition in released:
            del self.held[partition]
            self._commit_note(partition)
        return released

    def _commit_note(self, partition: Partition) -> None:
        earliest = self.book.earliest(partition)
        reached = self.continuity.expected(partition) if earliest is None else earliest
        assert reached is not None, "a held partition was placed"
        self.book.commit_again(partition, reached)

    def _targets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        # A late fetch may bring records of a partition that is not ours any more.
        targets = {}
        for partition in partitions:
            expected = self.continuity.expected(partition)
            if expected is not None:
                targets[partition] = expected
        return targets
