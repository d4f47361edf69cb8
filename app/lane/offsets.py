"""Which offset may be committed: the end of the longest acknowledged prefix of slices, and no more."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto

from app.lane.slices import Partition


class SliceOrderError(Exception):
    """Slices of one partition were begun in another order than they were dispatched in."""


class Stage(Enum):
    QUEUED = auto()  # dispatched, no agent has begun it; it may still be taken back
    BEGUN = auto()  # an agent works on it; its outputs may be on their way
    DONE = auto()  # every output is durable
    GONE = auto()  # taken back or forgotten; whoever still holds it is too late


@dataclass(slots=True, eq=False)
class Flight:
    """One dispatched slice. Known by identity, so a late acknowledgement cannot match the same
    offsets of a later assignment."""

    partition: Partition
    first: int
    last: int
    stage: Stage = Stage.QUEUED

    def __str__(self) -> str:
        topic, partition = self.partition
        return f"{topic}/{partition}/{self.first}..{self.last}"


class OffsetBook:
    """Slices on their way, per partition in the order of their dispatch."""

    def __init__(self) -> None:
        self._flights: dict[Partition, deque[Flight]] = {}
        self._ready: dict[Partition, int] = {}
        self._records: Counter[str] = Counter()
        self.in_flight = 0
        """Slices that were begun and are not done."""

    def dispatch(self, partition: Partition, first: int, last: int) -> Flight:
        flight = Flight(partition, first, last)
        self._flights.setdefault(partition, deque()).append(flight)
        self._records[partition[0]] += last + 1 - first
        return flight

    def begin(self, flight: Flight) -> bool:
        """Whether the slice may be handled. Raises SliceOrderError if an earlier one still queues:
        handled in that order, outputs of one key would be written in the wrong order."""
        if flight.stage is not Stage.QUEUED:
            return False
        for earlier in self._flights[flight.partition]:
            if earlier is flight:
                break
            if earlier.stage is Stage.QUEUED:
                raise SliceOrderError(f"{flight.partition}: {flight.first} begun before {earlier.first}")
        flight.stage = Stage.BEGUN
        self.in_flight += 1
        return True

    def done(self, flight: Flight) -> bool:
        """Acknowledge a begun slice; False if it was forgotten meanwhile, or never begun."""
        if flight.stage is not Stage.BEGUN:
            return False
        flight.stage = Stage.DONE
        self.in_flight -= 1
        flights = self._flights[flight.partition]
        while flights and flights[0].stage is Stage.DONE:
            head = flights.popleft()
            self._settle(head)
            self._ready[head.partition] = head.last + 1
        return True

    def committable(self) -> dict[Partition, int]:
        """Next offsets that the broker has not accepted yet."""
        return dict(self._ready)

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """The broker accepted these; what became committable meanwhile stays."""
        for partition, offset in offsets.items():
            if self._ready.get(partition) == offset:
                del self._ready[partition]

    def commit_again(self, partition: Partition, offset: int) -> None:
        """To be committed although nothing more is done: something else is to be written with it."""
        self._ready.setdefault(partition, offset)

    def take_back(self, partitions: Iterable[Partition] | None = None) -> list[Flight]:
        """Take back every slice (of these partitions) that no agent has begun; the last of each first."""
        taken = []
        for partition in list(self._flights) if partitions is None else partitions:
            flights = self._flights.get(partition, deque())
            while flights and flights[-1].stage is Stage.QUEUED:
                taken.append(self._take_last(flights))
        return taken

    def put_back(self, flight: Flight) -> None:
        """Take back the begun slice that is the last of its partition; nothing may have come of it."""
        flights = self._flights[flight.partition]
        if flight.stage is not Stage.BEGUN or flights[-1] is not flight:
            raise SliceOrderError(f"{flight} put back in the midst of others")
        self._take_last(flights)
        self.in_flight -= 1

    def _take_last(self, flights: deque[Flight]) -> Flight:
        flight = flights.pop()
        flight.stage = Stage.GONE
        self._settle(flight)
        return flight

    def forget(self, partitions: Iterable[Partition]) -> None:
        """These partitions are no longer ours: acknowledgements that still come count for nothing."""
        for partition in partitions:
            self._ready.pop(partition, None)
            for flight in self._flights.pop(partition, ()):
                self.in_flight -= flight.stage is Stage.BEGUN
                flight.stage = Stage.GONE
                self._settle(flight)

    def earliest(self, partition: Partition) -> int | None:
        """First offset of the partition's slices that are not part of an acknowledged prefix."""
        flights = self._flights.get(partition)
        return flights[0].first if flights else None

    def slices_of(self, partition: Partition) -> int:
        """Slices of a partition that are dispatched and not yet part of an acknowledged prefix."""
        return len(self._flights.get(partition, ()))

    def records_of(self, topic: str) -> int:
        """Records in those slices, over all partitions of a topic."""
        return self._records[topic]

    def _settle(self, flight: Flight) -> None:
        self._records[flight.partition[0]] -= flight.last + 1 - flight.first
