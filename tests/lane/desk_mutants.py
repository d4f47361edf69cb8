"""Planted bugs: desks with the mistakes that were made, or nearly made, in earlier consumers of this kind."""

from collections.abc import Iterable, Mapping

from app.lane.continuity import Continuity, Verdict
from app.lane.desk import PartitionDesk, Pressure, Reception
from app.lane.gate import FetchGate
from app.lane.offsets import Flight, OffsetBook, Stage
from app.lane.slices import Partition


class NoRewind(PartitionDesk):
    """Drops what the gate refuses, and goes on behind it."""

    def rewinds(self) -> dict[Partition, int]:
        super().rewinds()
        return {}


class NoSecondSeek(PartitionDesk):
    """Drops what comes during a seek, and goes on behind it."""

    def sought(self, offsets: object) -> dict[Partition, int]:
        while again := super().sought(offsets):  # type: ignore[arg-type]
            offsets = again
        return {}


class CommitsHighestAck(PartitionDesk):
    """Commits past slices that are in flight, as Faust does with concurrent agents."""

    def __init__(self, *args: Pressure) -> None:
        super().__init__(*args)
        self.book = _HighestAck()


class _HighestAck(OffsetBook):
    def done(self, flight: Flight) -> bool:
        was_begun = flight.stage is Stage.BEGUN
        counted = super().done(flight)
        if was_begun:
            ready = self._ready.get(flight.partition, 0)
            self._ready[flight.partition] = max(ready, flight.last + 1)
        return counted


class CommitsTheLastRecord(PartitionDesk):
    """Commits the offset of the last record in place of the next one."""

    def committable(self) -> dict[Partition, int]:
        return {partition: offset - 1 for partition, offset in super().committable().items() if offset > 1}

    def committed(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str]) -> None:
        super().committed({partition: offset + 1 for partition, offset in offsets.items()}, notes)


class CommitsAhead(PartitionDesk):
    """Commits one offset ahead."""

    def committable(self) -> dict[Partition, int]:
        return {partition: offset + 1 for partition, offset in super().committable().items()}


class GateOff(PartitionDesk):
    """Dispatches whatever a fetch brings."""

    def __init__(self, *args: Pressure) -> None:
        super().__init__(*args)
        self.gate = _AlwaysAdmits()


class _AlwaysAdmits(FetchGate):
    def admits(self, ticket: int) -> bool:
        return True


class OpensWithTheSeek(PartitionDesk):
    """Opens when the seek ends, before Faust has emptied its queues."""

    def sought(self, offsets: object) -> dict[Partition, int]:
        again = super().sought(offsets)  # type: ignore[arg-type]
        self.gate.open()
        return again


class ContinuityOff(PartitionDesk):
    """Takes every first offset for the expected one."""

    def __init__(self, *args: Pressure) -> None:
        super().__init__(*args)
        self.continuity = _Trusting()


class _Trusting(Continuity):
    def check(self, partition: Partition, first: int) -> Verdict:
        return Verdict.NEXT


class KeepsQueuedSlices(PartitionDesk):
    """Does not take back what no agent has begun."""

    def close(self) -> list[Flight]:
        self.gate.close()
        return []


class ForgetsWhatCameMeanwhile(PartitionDesk):
    """Takes an accepted commit for everything that has become committable by then."""

    def committed(self, offsets: object, notes: object) -> None:
        self.book.committed(self.book.committable())


class ForgetsNothing(PartitionDesk):
    """Keeps the acknowledgements of partitions that were revoked."""

    def forget(self, partitions: object) -> None:
        pass


class FetchesWhatIsHeld(PartitionDesk):
    """Keeps a hold in mind only for what is on its way."""

    def fetchable(self, partitions: Iterable[Partition]) -> set[Partition]:
        held, self.held = self.held, {}
        room = super().fetchable(partitions)
        self.held = held
        return room

    def receive(
        self, ticket: int, partition: Partition, first: int, last: int
    ) -> tuple[Reception, Flight | None]:
        held, self.held = self.held, {}
        answer = super().receive(ticket, partition, first, last)
        self.held = held
        return answer


class HoldsWithoutRewind(PartitionDesk):
    """Goes on after a release where aiokafka happens to stand."""

    def hold(self, flight: Flight, note: str) -> list[Flight]:
        taken = super().hold(flight, note)
        self.gate.dropped()
        return taken


class HoldsOnePartition(PartitionDesk):
    """Holds the slice's partition and lets the rest of its topic go on."""

    def hold(self, flight: Flight, note: str) -> list[Flight]:
        taken = super().hold(flight, note)
        self.held = {flight.partition: note}
        return taken


class ForgetsHolds(PartitionDesk):
    """Does not look for notes when partitions come."""

    def remember(self, notes: object) -> None:
        pass


class TakesEveryCommitForTheNotes(PartitionDesk):
    """Takes a note for committed with the next answer, whatever was sent."""

    def committed(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str]) -> None:
        self.book.committed(offsets)


MUTANTS = [
    NoRewind,
    NoSecondSeek,
    CommitsHighestAck,
    CommitsTheLastRecord,
    CommitsAhead,
    GateOff,
    OpensWithTheSeek,
    ContinuityOff,
    KeepsQueuedSlices,
    ForgetsWhatCameMeanwhile,
    ForgetsNothing,
    FetchesWhatIsHeld,
    HoldsWithoutRewind,
    HoldsOnePartition,
    ForgetsHolds,
    TakesEveryCommitForTheNotes,
]
