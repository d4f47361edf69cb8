"""Every decision of the consumer, in one plain object.

It has no I/O, no clock and no Faust. The consumer tells it what happened and does what it answers. A state
machine in the tests drives the same class through random schedules (docs/design.md#decisions). Each question
has an object of its own: which fetch counts, whether offsets are missing, what may be committed, what is
paused, which attempts died, what has room. The file is long because an event concerns several of them, and
only here it is said in which order they hear of it.
"""

from collections.abc import Collection, Iterable, Mapping
from enum import Enum, auto

from app.engine.consumer.attempts import LAST, Attempts
from app.engine.consumer.backpressure import BackpressureLimits
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.fetch_gate import FetchGate, Phase
from app.engine.consumer.gap_detector import GapDetector, GapVerdict
from app.engine.consumer.lag import NextRecord
from app.engine.consumer.offset_tracker import OffsetTracker
from app.engine.consumer.paused_partitions import PausedPartitions
from app.engine.slices import InFlightSlice, Partition


class FetchDecision(Enum):
    DISPATCH = auto()  # The slice goes to its agent, or there is no record in what was read.
    STALE = auto()  # Dropped: fetched before the last seek ended, or the partition may not be handled now.
    REREAD = auto()  # Dropped because of a gap: the partition is read a second time.
    MISSING = auto()  # Dispatched, although the broker has deleted the offsets before it.
    TRUNCATED = auto()  # Dispatched, although the log was truncated or created again.


_DECISIONS = {
    GapVerdict.NEXT: FetchDecision.DISPATCH,
    GapVerdict.REREAD: FetchDecision.REREAD,
    GapVerdict.MISSING: FetchDecision.MISSING,
    GapVerdict.TRUNCATED: FetchDecision.TRUNCATED,
}
_NOT_ACCEPTED = frozenset({FetchDecision.STALE, FetchDecision.REREAD})


class AssignmentState:
    """The partitions of one group member."""

    def __init__(self, limits: BackpressureLimits | None = None, *, slice_records: int = 4_000) -> None:
        self.offsets = OffsetTracker()
        self.gate = FetchGate()
        self.gaps = GapDetector()
        self.attempts = Attempts(slice_records)
        self.paused = PausedPartitions()
        self.generation = -1
        """The group's generation in which the partitions were assigned; -1 before the first."""
        self._limits = limits or BackpressureLimits()

    # -- rebalance, in this order: close, (drain, commit), forget, (assigned, restore), begin_seek, sought,
    # -- assigned, open

    def close(self) -> list[InFlightSlice]:
        """Returns the slices that are taken back. From now on no slice is dispatched or begun."""
        self.gate.close()
        return self.offsets.take_back()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Forgets revoked partitions. It is called when none of their slices is in flight or committable."""
        partitions = list(partitions)
        self.offsets.forget(partitions)
        self.gaps.forget(partitions)
        self.attempts.forget(partitions)
        for partition in partitions:
            self.paused.forget(partition)

    def assigned(self, found: Mapping[Partition, tuple[int, CommitNote]]) -> dict[Partition, str]:
        """Returns the partitions that are paused now because workers died of them, with their reasons.

        `found` are the committed offsets of the assigned partitions with their notes. The partitions that
        were paused when they were last committed are paused again. A second call for an assignment only adds
        partitions.
        """
        died = {}
        for partition, (offset, note) in found.items():
            if self.attempts.knows(partition):
                continue
            self.paused.assigned(partition, note)
            if self.attempts.assigned(partition, offset, note):
                died[partition] = f"{LAST} attempts died at offset {offset}"
                self.paused.reasons[partition] = died[partition]
                self.offsets.commit_again(partition, offset)
        return died

    def restore_turns(self, partitions: Iterable[Partition]) -> list[set[Partition]]:
        """Returns the groups in which the tables of assigned partitions are restored, one after the other.
        Those of paused partitions are not."""
        return self.attempts.turns(self.paused.restorable(set(partitions)))

    def begin_restore(self, partitions: Iterable[Partition]) -> None:
        """Begins an attempt of these partitions. Its count must be committed before the restore begins."""
        self._commit_counts(self.attempts.begin(partitions))

    def withhold(self, partition: Partition, reason: str) -> None:
        """Pauses a partition whose tables must not be used, until it is assigned the next time."""
        self.paused.withhold(partition, reason)

    def end_attempts(self, partitions: Iterable[Partition] | None = None) -> None:
        """Ends attempts of partitions that did not move: the restore is over, or the worker gives the
        partitions back. None means all partitions. The counts must be committed."""
        self._commit_counts(self.attempts.end(partitions))

    def seen(self, ends: Mapping[Partition, int] | None) -> None:
        """Notes the ends of the logs of those of the assigned partitions that have records to handle; None if
        nobody knows."""
        for partition in self.attempts.seen(ends):
            self._commit_note(partition)

    def begin_attempts(
        self, found: Collection[Partition] = (), asked: Iterable[Partition] = (), now: float = 0.0
    ) -> bool:
        """Returns whether counts must be committed before anything more is dispatched.

        `asked` are the partitions that the last fetch has asked for, and `found` those of which it has
        returned records at the time `now`. Called before and after each fetch.
        """
        if self.attempts.settled(found) or self.gate.phase not in (Phase.SOUGHT, Phase.OPEN):
            return False
        self._commit_counts(self.attempts.give_up(set(asked).difference(found), now))
        self.attempts.found(found)
        due = self.attempts.due(self.paused.stopped())
        self._commit_counts(self.attempts.begin(due, now))
        return self.attempts.uncommitted()

    def begin_seek(self) -> None:
        """Begins a seek: the committed offsets are read next."""
        self.close()
        self.gate.begin_seek()

    def sought(self, offsets: Mapping[Partition, int]) -> dict[Partition, int]:
        """Returns the offsets that must be sought again, now that the positions were set to `offsets`. If
        there are none, the seek has ended."""
        for partition, offset in offsets.items():
            self.gaps.set_position(partition, offset)
        again = self._targets(self.gate.take_dropped())
        if not again:
            self.gate.end_seek()
        return again

    def open(self) -> bool:
        """Returns whether fetches may begin, now that Faust resumes the flow."""
        return self.gate.open()

    # -- fetching

    def start_fetch(self) -> int | None:
        """Returns the epoch of a fetch that begins now, or None if no fetch may begin."""
        return self.gate.epoch()

    def fetchable(self, partitions: Iterable[Partition]) -> set[Partition]:
        """Returns the partitions that have room for another slice, are not paused, and need no rewind
        first."""
        blocked = self.attempts.blocked() | self.paused.stopped()
        free = (each for each in partitions if each not in blocked and not self.gate.is_dropped(each))
        return self._limits.with_room(free, self.offsets)

    def full_topics(self, partitions: Iterable[Partition]) -> set[str]:
        """Returns the topics of those of the partitions that have no room for another slice."""
        asked = {(topic, number) for topic, number in partitions}
        return {topic for topic, _ in asked - self._limits.with_room(asked, self.offsets)}

    def receive(
        self, epoch: int, partition: Partition, first: int, last: int, now: float = 0.0, size: int = 0
    ) -> tuple[FetchDecision, InFlightSlice | None]:
        """Returns what is done with the offsets `first` to `last`, which a fetch read at the time `now`, and
        the slice if they go to an agent. At least one of these offsets must hold a record; the records have
        `size` bytes.

        After the last partition of a fetch the caller must carry out `rewinds`.
        """
        if not self.attempts.admits(partition):
            self.gate.drop(partition)
            return FetchDecision.STALE, None
        end = self.attempts.slice_end(partition)
        if end is not None and last >= end:
            # No record is left before the end of the slice, so these are of the next one.
            decision = self.pass_over(epoch, partition, first, first)
            self.gate.drop(partition)
            return decision, None
        decision = self._decide(epoch, partition, first)
        if decision in _NOT_ACCEPTED:
            return decision, None
        self.gaps.advance(partition, last + 1)
        self.attempts.dispatched(partition)
        return decision, self.offsets.dispatch(partition, first, last, now, size)

    def pass_over(self, epoch: int, partition: Partition, first: int, end: int) -> FetchDecision:
        """Returns what is done with the offsets `first` to `end - 1`, which a fetch read, and in which it
        found no record: control records, an aborted transaction, what compaction has removed.

        They become committable with what is before them. `rewinds` must follow as after `receive`.
        """
        decision = self._decide(epoch, partition, first)
        if decision not in _NOT_ACCEPTED:
            self.gaps.advance(partition, end)
            self.offsets.pass_over(partition, end)
        return decision

    def check_position(self, epoch: int, partition: Partition, position: int) -> FetchDecision:
        """Returns what is done about a position at the end of a fetch, after all that the fetch read.

        It is the expected offset, unless aiokafka has reset it because the broker does not have that offset.
        Then perhaps no record will come that could show it. `rewinds` must follow as after `receive`.
        """
        if position == self.gaps.expected(partition):
            # A doubt is not settled: the second read may not have begun yet.
            return FetchDecision.DISPATCH
        return self.pass_over(epoch, partition, position, position)

    def _decide(self, epoch: int, partition: Partition, first: int) -> FetchDecision:
        ignored = self.paused.is_stopped(partition) or self.gate.is_dropped(partition)
        if ignored or not self.gate.admits(epoch) or self.gaps.expected(partition) is None:
            decision = FetchDecision.STALE
        else:
            decision = _DECISIONS[self.gaps.check(partition, first)]
        if decision in _NOT_ACCEPTED:
            self.gate.drop(partition)
        return decision

    def unread(self, partitions: Iterable[Partition]) -> None:
        """Notes that a fetch failed after it had taken records of these partitions. The caller must carry out
        `rewinds`."""
        for partition in partitions:
            self.gate.drop(partition)

    def rewinds(self) -> dict[Partition, int]:
        """Returns the offsets to set before the next fetch begins, for partitions whose records were dropped.

        It returns nothing during a seek, because the seek itself sets the positions.
        """
        if self.gate.phase is Phase.SEEKING:
            return {}
        targets = self._targets(self.gate.take_dropped())
        self.gaps.rewound(targets)
        return targets

    # -- slices

    def begin(self, dispatched: InFlightSlice) -> bool:
        """Returns whether an agent may handle the slice. Raises SliceOrderError as `OffsetTracker.begin`."""
        return self.offsets.begin(dispatched)

    def done(self, dispatched: InFlightSlice) -> bool:
        """Returns whether the acknowledgement has an effect. It has none if the slice is gone."""
        return self.offsets.done(dispatched)

    @property
    def in_flight(self) -> int:
        """The number of slices that were begun and are not done."""
        return self.offsets.in_flight

    def committable(self) -> dict[Partition, int]:
        """Returns the offsets to commit, for the partitions that have one."""
        return self.offsets.committable()

    def notes(self, offsets: Mapping[Partition, int]) -> dict[Partition, CommitNote]:
        """Returns what must be committed together with these offsets."""
        return {partition: self._note(partition, offset) for partition, offset in offsets.items()}

    def committed(self, offsets: Mapping[Partition, int], notes: Mapping[Partition, CommitNote]) -> None:
        """Notes that the broker accepted `offsets` with `notes`. If the note of a partition has changed
        meanwhile, its offset stays committable."""
        same = {each: at for each, at in offsets.items() if notes[each] == self._note(each, at)}
        self.offsets.committed(same)
        for partition, offset in same.items():
            self.attempts.committed(partition, offset)
            self.paused.committed(partition, offset)

    def _note(self, partition: Partition, offset: int) -> CommitNote:
        attempts, until = self.attempts.note(partition, offset)
        return CommitNote(
            reason=self.paused.reasons.get(partition, ""),
            attempts=attempts,
            until=until,
            skip=self.paused.skips_from(partition, offset),
        )

    # -- pausing

    def pause(self, dispatched: InFlightSlice, reason: str, cut: int | None = None) -> list[InFlightSlice]:
        """Returns the slices that are taken back, those of a partition from the last to the first.

        Pauses all partitions of a begun slice's topic. If nothing of that slice was appended, it is taken
        back, too. If something was, `cut` is the offset of the first record of the rest: the slice ends
        before it, and its agent acknowledges what is left of it. Raises SliceOrderError if it is not the last
        slice of its partition.
        """
        taken = []
        for partition in self.gaps.partitions_of(dispatched.partition[0]):
            of_it = self.offsets.take_back([partition])
            if partition == dispatched.partition and cut is None:
                self.offsets.put_back(dispatched)
                of_it.append(dispatched)
            if of_it:
                self.gaps.set_position(partition, of_it[-1].first)
            if partition == dispatched.partition and cut is not None:
                self.offsets.cut(dispatched, cut)
                self.gaps.set_position(partition, cut)
            # Nobody knows whether a running fetch has moved the position, so the position is set in any case.
            self.gate.drop(partition)
            self.paused.reasons[partition] = reason
            if partition == dispatched.partition:
                self.attempts.passed(partition)
            else:
                self.attempts.end([partition])
            self._commit_note(partition)
            taken += of_it
        return taken

    def resume(self, topic: str, skip: tuple[Partition, int] | None = None) -> dict[Partition, str]:
        """Returns the paused partitions of a topic with their reasons, and resumes them. `skip` is a record
        that is skipped, of one of them.

        Nothing is handled of those whose tables were not read before the next assignment.
        """
        if skip is not None:
            self.paused.skip(*skip)
        resumed = self.paused.resume(topic)
        for partition in resumed:
            self.attempts.resumed(partition)
            self._commit_note(partition)
        return resumed

    def position(self, partition: Partition) -> int:
        """Returns the offset from which a partition goes on. It must be assigned."""
        for found in (self.offsets.earliest(partition), self.gaps.expected(partition)):
            if found is not None:
                return found
        committed = self.attempts.offset(partition)
        assert committed is not None, "the partition is assigned"
        return committed

    def next_records(self) -> dict[Partition, NextRecord]:
        """Returns the next record of each assigned partition that is not committed."""
        return {each: self._next_record(each) for each in self.attempts.partitions()}

    def _next_record(self, partition: Partition) -> NextRecord:
        waiting, position = self.offsets.first_uncommitted(partition), self.position(partition)
        if waiting is None:
            return NextRecord(position, position, None)
        seen = self.gaps.expected(partition)
        return NextRecord(waiting.first, position if seen is None else seen, waiting.timestamp)

    def _commit_note(self, partition: Partition) -> None:
        self.offsets.commit_again(partition, self.position(partition))

    def _commit_counts(self, offsets: Mapping[Partition, int]) -> None:
        for partition, offset in offsets.items():
            self.offsets.commit_again(partition, offset)

    def _targets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        # A late fetch may return records of a partition that has been revoked since.
        targets = {}
        for partition in partitions:
            expected = self.gaps.expected(partition)
            if expected is not None:
                targets[partition] = expected
        return targets
