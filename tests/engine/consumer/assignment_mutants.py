"""Planted bugs: versions of AssignmentState with mistakes that were made, or nearly made, in earlier
consumers."""

from collections.abc import Iterable, Mapping

from msgspec import structs

from app.engine.consumer.assignment import AssignmentState, FetchDecision
from app.engine.consumer.backpressure import BackpressureLimits
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.fetch_gate import FetchGate, Phase
from app.engine.consumer.fetched import FetchedRange
from app.engine.consumer.gap_detector import GapDetector, GapVerdict
from app.engine.consumer.offset_tracker import OffsetTracker
from app.engine.slices import InFlightSlice, Partition, SliceState
from tests.engine.consumer.assignment_model import ModelMember, ModelRecord


class NoRewind(AssignmentState):
    """Drops what the gate refuses, and does not rewind."""

    def rewinds(self) -> dict[Partition, int]:
        super().rewinds()
        return {}


class NoSecondSeek(AssignmentState):
    """Drops what a fetch returns during a seek, and does not seek again."""

    def sought(self, offsets: object) -> dict[Partition, int]:
        while again := super().sought(offsets):  # type: ignore[arg-type]
            offsets = again
        return {}


class CommitsHighestAck(AssignmentState):
    """Commits past slices that are in flight, as Faust does with concurrent agents."""

    def __init__(self, *args: BackpressureLimits) -> None:
        super().__init__(*args)
        self.offsets = _HighestAck()


class _HighestAck(OffsetTracker):
    def done(self, dispatched: InFlightSlice) -> bool:
        was_begun = dispatched.state is SliceState.BEGUN
        counted = super().done(dispatched)
        if was_begun:
            ready = self._ready.get(dispatched.partition, 0)
            self._ready[dispatched.partition] = max(ready, dispatched.last + 1)
        return counted


class CommitsTheLastRecord(AssignmentState):
    """Commits the offset of the last record, and not the next one."""

    def committable(self) -> dict[Partition, int]:
        return {partition: offset - 1 for partition, offset in super().committable().items() if offset > 1}

    def committed(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, CommitNote]) -> None:
        super().committed({partition: offset + 1 for partition, offset in offsets.items()}, notes)


class CommitsAhead(AssignmentState):
    """Commits one offset ahead."""

    def committable(self) -> dict[Partition, int]:
        return {partition: offset + 1 for partition, offset in super().committable().items()}


class GateOff(AssignmentState):
    """Dispatches everything that a fetch returns."""

    def __init__(self, *args: BackpressureLimits) -> None:
        super().__init__(*args)
        self.gate = _AlwaysAdmits()


class _AlwaysAdmits(FetchGate):
    def admits(self, epoch: int) -> bool:
        return True


class OpensWithTheSeek(AssignmentState):
    """Opens when the seek ends, before Faust has emptied its queues."""

    def sought(self, offsets: object) -> dict[Partition, int]:
        again = super().sought(offsets)  # type: ignore[arg-type]
        self.gate.open()
        return again


class GapDetectorOff(AssignmentState):
    """Accepts every first offset as the expected one."""

    def __init__(self, *args: BackpressureLimits) -> None:
        super().__init__(*args)
        self.gaps = _Trusting()


class _Trusting(GapDetector):
    def check(self, partition: Partition, first: int) -> GapVerdict:
        return GapVerdict.NEXT


class KeepsQueuedSlices(AssignmentState):
    """Does not take back what no agent has begun."""

    def close(self) -> list[InFlightSlice]:
        self.gate.close()
        return []


class ForgetsWhatCameMeanwhile(AssignmentState):
    """Notes everything as committed that has become committable when the answer comes."""

    def committed(self, offsets: object, reasons: object) -> None:
        self.offsets.committed(self.offsets.committable())


class ForgetsNothing(AssignmentState):
    """Keeps the acknowledgements of partitions that were revoked."""

    def forget(self, partitions: object) -> None:
        pass


class FetchesWhatIsPaused(AssignmentState):
    """Forgets a pause when it fetches."""

    def fetchable(self, partitions: Iterable[Partition]) -> set[Partition]:
        reasons, self.paused.reasons = self.paused.reasons, {}
        room = super().fetchable(partitions)
        self.paused.reasons = reasons
        return room

    def receive(
        self, epoch: int, partition: Partition, first: int, last: int, now: float = 0.0, size: int = 0
    ) -> tuple[FetchDecision, InFlightSlice | None]:
        reasons, self.paused.reasons = self.paused.reasons, {}
        answer = super().receive(epoch, partition, first, last, now, size)
        self.paused.reasons = reasons
        return answer


class PausesWithoutRewind(AssignmentState):
    """Goes on after a resumption at aiokafka's position, whatever that is."""

    def pause(self, dispatched: InFlightSlice, reason: str, cut: int | None = None) -> list[InFlightSlice]:
        taken = super().pause(dispatched, reason, cut)
        self.gate.take_dropped()
        return taken


class PausesOnePartition(AssignmentState):
    """Pauses the slice's partition, and not the rest of its topic."""

    def pause(self, dispatched: InFlightSlice, reason: str, cut: int | None = None) -> list[InFlightSlice]:
        taken = super().pause(dispatched, reason, cut)
        self.paused.reasons = {dispatched.partition: reason}
        return taken


class AcknowledgesWhatIsPaused(AssignmentState):
    """Pauses in the middle of a slice, and counts the whole slice as done when its first part is."""

    def pause(self, dispatched: InFlightSlice, reason: str, cut: int | None = None) -> list[InFlightSlice]:
        last = dispatched.last
        taken = super().pause(dispatched, reason, cut)
        dispatched.last = last
        return taken


class PausesFromTheFirstRecord(AssignmentState):
    """Pauses in the middle of a slice, and goes on with its first record."""

    def pause(self, dispatched: InFlightSlice, reason: str, cut: int | None = None) -> list[InFlightSlice]:
        first = dispatched.first
        taken = super().pause(dispatched, reason, cut)
        self.gaps.set_position(dispatched.partition, first)
        return taken


class PausesBehindTheQueue(AssignmentState):
    """Pauses a topic for an operator, and leaves the queued slices to the agent."""

    def pause_topic(self, topic: str, reason: str) -> set[Partition] | None:
        if self.gate.phase is not Phase.OPEN:
            return None
        partitions = set(self.gaps.partitions_of(topic))
        for partition in partitions - self.paused.reasons.keys():
            self._pause(partition, reason, [])
            self.attempts.end([partition])
        return partitions


class PausesATopicWithoutRewind(AssignmentState):
    """Goes on at aiokafka's position after an operator's pause."""

    def pause_topic(self, topic: str, reason: str) -> set[Partition] | None:
        paused = super().pause_topic(topic, reason)
        if paused:
            self.gate.take_dropped()
        return paused


class PausesATopicWithoutACommit(AssignmentState):
    """Tells an operator that a topic is paused, and does not commit the reasons of partitions that stand
    still."""

    def pause_topic(self, topic: str, reason: str) -> set[Partition] | None:
        ready = self.offsets.committable()
        paused = super().pause_topic(topic, reason)
        self.offsets._ready = ready
        return paused


class ForgetsPauses(AssignmentState):
    """Does not restore pauses when partitions are assigned."""

    def assigned(self, found: Mapping[Partition, tuple[int, CommitNote]]) -> dict[Partition, str]:
        plain = {each: (at, structs.replace(note, reason="")) for each, (at, note) in found.items()}
        return super().assigned(plain)


class TakesEveryCommitForTheReasons(AssignmentState):
    """Notes a reason as committed with the next answer, whatever was sent."""

    def committed(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, CommitNote]) -> None:
        self.offsets.committed(offsets)


class CommitsNothingWithoutRecords(AssignmentState):
    """Goes on after offsets without records, and commits them with the next record only."""

    def pass_over(self, epoch: int, partition: Partition, first: int, end: int) -> FetchDecision:
        before = self.offsets.committable()
        decision = super().pass_over(epoch, partition, first, end)
        self.offsets._ready = before
        return decision


class CommitsOffsetsWithoutRecordsAtOnce(AssignmentState):
    """Makes offsets without records committable although slices before them are on their way."""

    def __init__(self, *args: BackpressureLimits) -> None:
        super().__init__(*args)
        self.offsets = _CommitsAtOnce()


class _CommitsAtOnce(OffsetTracker):
    def pass_over(self, partition: Partition, end: int) -> None:
        self._ready[partition] = end


class LooksAtNoPosition(AssignmentState):
    """Sees a gap only if a record comes after it."""

    def check_position(self, epoch: int, partition: Partition, position: int) -> FetchDecision:
        return FetchDecision.DISPATCH


class TakesAnyPositionForTheSecondRead(AssignmentState):
    """Settles a doubt with the first position after the rewind, before anything was read again."""

    def check_position(self, epoch: int, partition: Partition, position: int) -> FetchDecision:
        return self.pass_over(epoch, partition, position, position)


class SaysWhereTheRecordsAre(ModelMember):
    """Takes the first and the last record for the range that was read."""

    def read_range(self, first: int, end: int, records: list[ModelRecord]) -> FetchedRange:
        if not records:
            return FetchedRange(first, first)
        return FetchedRange(records[0].offset, records[-1].offset + 1, records)


MUTANTS = [
    NoRewind,
    NoSecondSeek,
    CommitsHighestAck,
    CommitsTheLastRecord,
    CommitsAhead,
    GateOff,
    OpensWithTheSeek,
    GapDetectorOff,
    KeepsQueuedSlices,
    ForgetsWhatCameMeanwhile,
    ForgetsNothing,
    FetchesWhatIsPaused,
    PausesWithoutRewind,
    PausesOnePartition,
    AcknowledgesWhatIsPaused,
    PausesFromTheFirstRecord,
    PausesBehindTheQueue,
    PausesATopicWithoutRewind,
    PausesATopicWithoutACommit,
    ForgetsPauses,
    TakesEveryCommitForTheReasons,
    CommitsNothingWithoutRecords,
    CommitsOffsetsWithoutRecordsAtOnce,
    LooksAtNoPosition,
    TakesAnyPositionForTheSecondRead,
]
MEMBER_MUTANTS = [SaysWhereTheRecordsAre]
"""Members whose client's thread says something else than it should."""
