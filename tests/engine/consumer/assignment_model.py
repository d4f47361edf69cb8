"""A model of what Faust and aiokafka do around an `AssignmentState`, in steps of one event each.

Everything that can happen at another time in a real worker is a method of its own here. A fetch gets its
epoch, the client's thread takes records and moves its position, and the result returns partition by
partition. The committed offsets are read, the positions are set to them, and that is reported.
"""

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

from app.engine.consumer.assignment import AssignmentState, FetchDecision
from app.engine.consumer.attempts import LAST, SUSPECT
from app.engine.consumer.commit_note import CommitNote
from app.engine.consumer.fetched import FetchedRange
from app.engine.slices import InFlightSlice, Partition
from tests.engine.consumer.broker_model import PARTITIONS, ModelBroker


@dataclass(frozen=True)
class ModelRecord:
    offset: int
    timestamp: int = 0
    key: bytes | None = None
    value: bytes = b"x"
    headers: tuple[tuple[str, bytes | None], ...] = ()


@dataclass
class Work:
    """A dispatched slice and the offsets of its records."""

    slice: InFlightSlice
    offsets: list[int]


@dataclass
class Fetch:
    epoch: int
    partitions: set[Partition]
    begun: bool = False
    """Whether what was found has been begun."""
    taken: deque[tuple[Partition, FetchedRange]] | None = None
    """What was read; None until the client's thread has taken records."""
    positions: dict[Partition, int] = field(default_factory=dict)
    """The positions at that moment."""


@dataclass
class ModelMember:
    """One worker: aiokafka's positions, the order of Faust's calls, and the agents' queue."""

    broker: ModelBroker
    assignment_state: AssignmentState
    assigned: set[Partition] = field(default_factory=set)
    position: dict[Partition, int] = field(default_factory=dict)
    out_of_range: set[Partition] = field(default_factory=set)
    """Partitions whose position the broker has refused, and which will be reset."""
    queue: deque[Work] = field(default_factory=deque)
    begun: list[Work] = field(default_factory=list)
    next_to_handle: dict[Partition, int] = field(default_factory=dict)
    fetch: Fetch | None = None
    rewinding: dict[Partition, int] | None = None
    seeking: dict[Partition, int] | None = None
    committing: dict[Partition, int] | None = None
    committing_notes: dict[Partition, CommitNote] = field(default_factory=dict)
    found: dict[Partition, tuple[int, CommitNote]] = field(default_factory=dict)
    """The offsets and notes that were read for a seek."""
    turns: list[set[Partition]] = field(default_factory=list)
    died: dict[Partition, int] = field(default_factory=dict)
    """The count with which each partition was assigned, and until it was moved."""
    unmoved: set[Partition] = field(default_factory=set)
    """Partitions of which a slice or a restore was begun, and that were not moved since."""
    begins: dict[Partition, int] = field(default_factory=dict)
    """The offset with which each partition was assigned."""
    dead: bool = False
    """Whether a poisoned record has ended it."""
    now: float = 0.0
    to_pause: dict[Partition, str] = field(default_factory=dict)
    """The partitions that must be paused, each with its reason."""
    stage: str = "joining"
    may_gap: set[Partition] = field(default_factory=set)
    """Partitions of which records were lost in a way that the code does not expect."""
    expelled: bool = False
    given_up: bool = False

    # -- fetching

    def start_fetch(self, partitions: set[Partition]) -> bool:
        if self.fetch is None and self.rewinding is None:
            self.rewinding = self.assignment_state.rewinds() or None
        epoch = self.assignment_state.start_fetch()
        self.now += 1.0
        if self.assignment_state.begin_attempts(now=self.now):
            self.commit()
        if self.fetch is not None or self.rewinding is not None or epoch is None:
            return False
        room = self.assignment_state.fetchable(partitions & self.assigned)
        if room:
            self.fetch = Fetch(epoch, room)
        return bool(room)

    def take_records(self, limit: int) -> bool:
        """Takes records out of aiokafka, whose position moves past them, and past offsets without one. It
        happens in the client's thread."""
        if self.fetch is None or self.fetch.taken is not None or self.stage == "joining":
            return False
        taken: deque[tuple[Partition, FetchedRange]] = deque()
        for partition in sorted(self.fetch.partitions & self.assigned):
            if self._has_position(partition):
                attempts = self.assignment_state.attempts
                read = self._read(partition, min(attempts.records(partition), limit))
                skips = self.assignment_state.paused.skips.get(partition, ())
                parts = read.parts(skips, attempts.slice_end(partition))
                taken += [(partition, part) for part in parts if part.first < part.end]
            self.fetch.positions[partition] = self.position[partition]
        self.fetch.taken = taken
        return True

    def _has_position(self, partition: Partition) -> bool:
        """Returns whether the broker has the position. If it has not, aiokafka resets it, a moment later."""
        if self.position[partition] >= self.broker.start[partition]:
            return True
        if partition not in self.out_of_range:
            self.out_of_range.add(partition)
            return False
        self.out_of_range.discard(partition)
        self.position[partition] = self.broker.start[partition]
        return True

    def _read(self, partition: Partition, limit: int) -> FetchedRange:
        first = self.position[partition]
        end = min(first + 2 * limit, self.broker.end[partition])  # what one answer of the broker covers
        found = self.broker.records(partition, first, end)
        if len(found) > limit:
            found = found[:limit]
            end = found[-1] + 1
        self.position[partition] = end
        return self.read_range(first, end, [ModelRecord(offset) for offset in found])

    def read_range(self, first: int, end: int, records: list[ModelRecord]) -> FetchedRange:
        """Returns what the client's thread says of a read. Planted bugs say something else."""
        return FetchedRange(first, end, records)

    def receive(self) -> bool:
        """Gives the loop the next part of the result, or ends the fetch with its positions and rewinds."""
        if self.fetch is None or self.fetch.taken is None:
            return False
        if not self.fetch.begun:
            self.fetch.begun = True
            found = {partition for partition, part in self.fetch.taken if part.records}
            if self.assignment_state.begin_attempts(found, self.fetch.partitions, self.now):
                self.commit_now()
        if self.fetch.taken:
            self._receive(self.fetch.epoch, *self.fetch.taken.popleft())
        else:
            for partition, position in self.fetch.positions.items():
                expected = self.assignment_state.gaps.expected(partition)
                decision = self.assignment_state.check_position(self.fetch.epoch, partition, position)
                self._check_decision(decision, partition, expected, position)
            self.fetch = None
            self.rewinding = self.assignment_state.rewinds() or None
        return True

    def _receive(self, epoch: int, partition: Partition, read: FetchedRange) -> None:
        state, dispatched = self.assignment_state, None
        expected = state.gaps.expected(partition)
        if read.records:
            decision, dispatched = state.receive(epoch, partition, read.first, read.end - 1)
        else:
            decision = state.pass_over(epoch, partition, read.first, read.end)
        self._check_decision(decision, partition, expected, read.first)
        if decision not in (FetchDecision.STALE, FetchDecision.REREAD):
            self.may_gap.discard(partition)
        if dispatched is not None:
            self.queue.append(Work(dispatched, [record.offset for record in read.records]))

    def _check_decision(
        self, decision: FetchDecision, partition: Partition, expected: int | None, first: int
    ) -> None:
        if decision is FetchDecision.REREAD:
            self._check_gap(partition)
        if decision is FetchDecision.MISSING:
            assert expected is not None
            assert first <= self.broker.start[partition], f"{partition}: {expected} to {first} are not gone"

    def lose_fetch(self) -> None:
        """Loses what was taken, in a way that the code does not expect; not twice in a row."""
        if self.fetch is None or self.fetch.taken is None or self.rewinding is not None:
            return
        lost = {partition for partition, _ in self.fetch.taken}
        if not lost & self.may_gap:
            self.may_gap |= lost
            self.fetch = None

    def _check_gap(self, partition: Partition) -> None:
        # The gap detector is a second safeguard: in every expected schedule gate and rewinds must be enough.
        expired = (self.assignment_state.gaps.expected(partition) or 0) < self.broker.start[partition]
        assert expired or partition in self.may_gap, f"{partition}: nothing explains the gap"

    def rewind(self) -> bool:
        if self.rewinding is None:
            return False
        self._set_positions(self.rewinding)
        self.rewinding = None
        return True

    def whole_fetch(self, partitions: set[Partition], limit: int) -> None:
        """Plays a fetch from its beginning to its end, with nothing in between."""
        if not self.start_fetch(partitions):
            self.rewind()
            self.start_fetch(partitions)
        self.take_records(limit)
        while self.receive():
            pass

    # -- agents

    def begin_all(self) -> None:
        while self.begin():
            pass

    def begin(self) -> bool:
        if not self.queue or self.dead:
            return False
        work = self.queue.popleft()
        dispatched = work.slice
        if self.assignment_state.begin(dispatched):
            self._check_order(dispatched)
            self._check_counted({dispatched.partition})
            skips = self.assignment_state.paused.skips.get(dispatched.partition, set())
            if any(
                (dispatched.partition, at)
                in self.broker.poison - {(dispatched.partition, skip) for skip in skips}
                for at in work.offsets
            ):
                self.dead = True
                return True
            self.next_to_handle[dispatched.partition] = work.offsets[-1] + 1
            for offset in work.offsets:
                self.broker.handle(dispatched.partition, offset)
            self.begun.append(work)
            if self.expelled:
                self.broker.excuse([dispatched.partition])
        return True

    def _check_counted(self, partitions: set[Partition]) -> None:
        """Checks before work begins that its count is committed, and that no suspect is beside others."""
        self.unmoved |= {each for each in partitions if each in self.died}
        for partition in partitions & self.died.keys():
            count = self.broker.note(partition).attempts
            assert self.expelled or count == self.died[partition] + 1, f"{partition} is not counted"
        if any(self.died[each] >= SUSPECT for each in self.unmoved):
            assert len(self.unmoved) == 1, f"suspects side by side: {self.unmoved}"

    def die(self) -> None:
        """Ends the worker without a word."""
        attempts = self.assignment_state.attempts
        ended = self.unmoved | set(filter(attempts.in_work, self.assigned))
        # The count of an attempt that has ended is not committed yet.
        ended |= self.assignment_state.committable().keys()
        for partition in ended & self.assigned:
            self.broker.deaths[partition] += 1
        for partition in PARTITIONS:
            count, most = self.broker.note(partition).attempts, self.broker.deaths[partition]
            assert count <= most, f"{partition} is counted {count} times and was in work {most} times"
        self.broker.excuse(self.assigned)

    def pause(self, reason: str, handled: int = 0) -> bool:
        """Lets the agent handle the first records of the next slice, and pause its topic in place of the
        rest."""
        if not self.queue or self.dead:
            return False
        work = self.queue.popleft()
        dispatched = work.slice
        if self.assignment_state.begin(dispatched):
            self._check_order(dispatched)
            topic = dispatched.partition[0]
            self.to_pause |= {partition: reason for partition in self.assigned if partition[0] == topic}
            before = work.offsets[: min(handled, len(work.offsets) - 1)]
            if any((dispatched.partition, offset) in self.broker.poison for offset in before):
                before = []
            if before:
                self._check_counted({dispatched.partition})
            for offset in before:
                self.broker.handle(dispatched.partition, offset)
                self.next_to_handle[dispatched.partition] = offset + 1
            self.assignment_state.pause(dispatched, reason, work.offsets[len(before)] if before else None)
            # Its attempt has ended in another way than by a death, and so have those of its topic.
            self.died.pop(dispatched.partition, None)
            self.unmoved = {each for each in self.unmoved if each[0] != topic}
            if before:
                self.begun.append(Work(dispatched, before))
                if self.expelled:
                    self.broker.excuse([dispatched.partition])
        return True

    def pause_topic(self, topic: str, reason: str) -> bool:
        """Pauses a topic at any moment, as an operator does."""
        paused = self.assignment_state.pause_topic(topic, reason)
        assert (paused is None) == (self.stage != "open"), f"paused in stage {self.stage}"
        if paused is None:
            return False
        assert paused == {partition for partition in self.assigned if partition[0] == topic}
        for partition in paused - self.to_pause.keys():
            self.to_pause[partition] = reason
            self.unmoved.discard(partition)
        return True

    def resume(self, topic: str) -> None:
        """Resumes a topic, as an operator does."""
        for partition in self.assignment_state.resume(topic):
            del self.to_pause[partition]
            self._ended({partition})

    def skip(self, partition: Partition, offset: int) -> None:
        """Resumes a partition without one record."""
        for each in self.assignment_state.resume(partition[0], (partition, offset)):
            del self.to_pause[each]
            self._ended({each})

    def _ended(self, partitions: set[Partition]) -> None:
        for partition in partitions:
            self.unmoved.discard(partition)
            if partition in self.died:
                work = self.assignment_state.attempts._work.get(partition)
                self.died[partition] = 0 if work is None else work.died

    def acknowledge(self, index: int) -> bool:
        if not self.begun:
            return False
        work = self.begun.pop(index % len(self.begun))
        for offset in work.offsets:
            self.broker.durable.add((work.slice.partition, offset))
        self.assignment_state.done(work.slice)
        return True

    def _check_order(self, dispatched: InFlightSlice) -> None:
        assert dispatched.partition not in self.to_pause, f"{dispatched} handled although it is paused"
        expected = self.next_to_handle[dispatched.partition]
        assert dispatched.first >= expected, f"{dispatched} handled where {expected} was next"
        still_there = max(expected, self.broker.start[dispatched.partition])
        skipped = self.broker.records(dispatched.partition, still_there, dispatched.first)
        assert not skipped, f"{dispatched} handled where {expected} was next"

    # -- commits

    def commit(self) -> bool:
        """Sends a commit, which reaches the broker."""
        if self.committing is not None or not self.assignment_state.committable():
            return False
        self.committing = self.assignment_state.committable()
        self.committing_notes = self.assignment_state.notes(self.committing)
        if not self.expelled:
            for partition, offset in self.committing.items():
                # Of a partition that was never committed, the log can begin later meanwhile.
                if offset != self.broker.committed.get(partition, self.begins.get(partition)):
                    self.unmoved.discard(partition)
                    self.died.pop(partition, None)
                    if left := self.committing_notes[partition].attempts:
                        assert SUSPECT <= left < LAST, f"{partition} moved and has the count {left}"
                        self.died[partition] = left
                self.broker.commit(partition, offset, self.committing_notes[partition])
        return True

    def commit_now(self) -> None:
        """Plays a commit that is waited for, after the one that is under way."""
        self.commit_answered()
        self.commit()
        self.commit_answered()

    def commit_answered(self) -> bool:
        if self.committing is None:
            return False
        if self.expelled:
            self.given_up = True
        else:
            self.assignment_state.committed(self.committing, self.committing_notes)
        self.committing = None
        return True

    def expel(self) -> None:
        """Ends the member's session, and the member does not know it. It does nothing while a commit has no
        answer, because then the model would not know what the broker has accepted."""
        if self.committing is None and not self.expelled:
            self.expelled = True
            self.broker.excuse(self.assigned)
            for partition in self.assigned:
                self.broker.deaths[partition] += 1

    # -- rebalance: each step is one call of Faust's

    def revoke(self) -> bool:
        """Begins a rebalance, whatever is under way."""
        if self.stage in ("joining", "draining", "drained"):
            return False
        self.stage = "draining"
        self.assignment_state.close()
        return True

    def advance(self, assignment: set[Partition]) -> bool:
        """Returns whether it has made the next step from a revoke to the open gate. It has not if the step
        must wait, or if no step is due."""
        steps: dict[str, Callable[[], bool]] = {
            "draining": self._drain,
            "drained": self._commit_and_forget,
            "joining": lambda: self._join(assignment),
            "assigned": self._read_notes,
            "turning": self._next_turn,
            "counting": self._restore,
            "restored": self._resume_before_seek,
            "resumed": self._read_offsets,
            "reading": self._seek,
            "seeking": self._sought,
            "beginning": self._begin_attempts,
            "sought": self._resume,
        }
        return steps[self.stage]() if self.stage in steps else False

    def _drain(self) -> bool:
        if self.assignment_state.in_flight:
            return False
        self.assignment_state.end_attempts()
        self.unmoved.clear()
        self.stage = "drained"
        return True

    def _commit_and_forget(self) -> bool:
        if self.committing is not None:
            return False
        if self.assignment_state.committable() and not self.given_up:
            self.commit()
            return True
        self.assignment_state.forget(self.assigned)
        for partition in self.assigned:
            if not self.expelled:
                reached = self.next_to_handle.get(partition, 0)
                assert self.broker.next_offset(partition) >= reached, (
                    f"{partition} left {reached} uncommitted"
                )
                reason = self.to_pause.get(partition, "")
                assert self.broker.reasons.get(partition, "") == reason, (
                    f"{partition} left without its reason"
                )
                left = self.broker.note(partition).attempts
                assert left <= self.died.get(partition, 0), f"{partition} left as if it had died"
        self.to_pause = {}
        self.assigned = set()
        self.stage = "joining"
        return True

    def _join(self, assignment: set[Partition]) -> bool:
        if self.rewinding is not None or self.seeking is not None:  # the thread's calls are in order
            self.rewinding = self.seeking = None
        self.expelled = self.given_up = False
        self.may_gap.clear()
        self.assigned = set(assignment)
        self.position = {partition: self.broker.next_offset(partition) for partition in assignment}
        self.next_to_handle = dict(self.position)
        # If it has to leave before it has read the reasons, they stay as they are.
        self.to_pause = {each: reason for each, reason in self.broker.reasons.items() if each in assignment}
        self.unmoved.clear()
        self.died = {each: self.broker.note(each).attempts for each in assignment}
        self.stage = "assigned"
        return True

    def _read_notes(self) -> bool:
        """The topic "source" feeds tables, which are restored in turns."""
        self.begins = {each: self.broker.next_offset(each) for each in self.assigned}
        found = {each: (at, self.broker.note(each)) for each, at in self.begins.items()}
        self.to_pause = {each: note.reason for each, (_, note) in found.items() if note.reason}
        self.died = {each: note.attempts for each, (_, note) in found.items()}
        self._assigned(found)
        tables = {each for each in self.assigned if each[0] == "source"}
        self.turns = self.assignment_state.restore_turns(tables)
        restored = set().union(*self.turns)
        assert restored == tables - self.to_pause.keys(), "not all is restored"
        self.stage = "turning"
        return True

    def _assigned(self, found: dict[Partition, tuple[int, CommitNote]]) -> None:
        for partition, reason in self.assignment_state.assigned(found).items():
            assert self.died[partition] >= LAST
            self.to_pause[partition] = reason
            self.died[partition] = 0
        for partition in self.died.keys() - self.to_pause.keys():
            assert self.died[partition] < LAST, f"{partition} is not paused"

    def _next_turn(self) -> bool:
        if not self.turns:
            self.stage = "restored"
            return True
        self.assignment_state.begin_restore(self.turns[0])
        self.commit_now()
        self._check_counted(self.turns[0])
        self.stage = "counting"
        return True

    def _restore(self) -> bool:
        group = self.turns.pop(0)
        self.assignment_state.end_attempts(group)
        self.unmoved -= group
        self.stage = "turning"
        return True

    def _resume_before_seek(self) -> bool:
        self.stage = "resumed"
        return self._flow()

    def _read_offsets(self) -> bool:
        self.assignment_state.begin_seek()
        self.seeking = {partition: self.broker.next_offset(partition) for partition in self.assigned}
        if self.expelled:
            # The next owners may have committed since this member joined; it goes on where they are.
            self.next_to_handle |= self.seeking
        self.found = {each: (at, self.broker.note(each)) for each, at in self.seeking.items()}
        self.stage = "reading"
        return True

    def _seek(self) -> bool:
        assert self.seeking is not None
        self._set_positions(self.seeking)
        self.stage = "seeking"
        return True

    def _sought(self) -> bool:
        assert self.seeking is not None
        self.seeking = self.assignment_state.sought(self.seeking)
        if not self.seeking:
            self._assigned(self.found)
        self.stage = "reading" if self.seeking else "beginning"
        return True

    def _begin_attempts(self) -> bool:
        ends = self.broker.end
        with_records = {
            each: ends[each] for each in self.assigned if ends[each] > self.broker.next_offset(each)
        }
        self.assignment_state.seen(with_records)
        self._ended(self.assigned - with_records.keys())
        self.assignment_state.begin_attempts(now=self.now)
        self.commit_now()
        self.stage = "sought"
        return True

    def _resume(self) -> bool:
        self.stage = "open"
        self.seeking = None
        return self._flow()

    def _flow(self) -> bool:
        self.queue.clear()  # Faust empties the agents' queues whenever the flow resumes
        self.assignment_state.open()
        return True

    def _set_positions(self, offsets: dict[Partition, int]) -> None:
        self.position.update({p: offset for p, offset in offsets.items() if p in self.assigned})
        self.out_of_range.difference_update(offsets)


def run_to_rest(member: ModelMember, new_member: Callable[[], ModelMember]) -> None:
    """Returns when the member has handled and committed everything without help, whatever has happened
    before: it is restarted if it dies, and an operator resumes what is paused, without the poisoned record if
    workers died of it. Raises AssertionError if it does not."""
    broker = member.broker
    for _ in range(6000):
        if member.dead:
            member.die()
            member = new_member()
        if member.expelled:
            member.revoke()
        if member.stage == "open":
            _resume_all(member)
            if member.assignment_state.paused.unrestored:
                member.revoke()
        if member.stage == "open":
            for partition in set(PARTITIONS) - member.assigned:
                broker.work_of_others(partition, broker.end[partition])
        member.advance(set(PARTITIONS))
        member.rewind()
        member.start_fetch(set(PARTITIONS))
        member.take_records(5)
        member.receive()
        member.begin()
        member.acknowledge(0)
        member.commit()
        member.commit_answered()
        rest = all(broker.next_offset(p) == broker.end[p] for p in PARTITIONS)
        if member.stage == "open" and rest and not (member.queue or member.begun or member.committing):
            return
    paused = member.assignment_state.paused.reasons
    left = {p: (broker.next_offset(p), broker.end[p]) for p in PARTITIONS}
    raise AssertionError(f"stuck in stage {member.stage}: committed and end are {left}, paused {paused}")


def _resume_all(member: ModelMember) -> None:
    for partition, reason in list(member.assignment_state.paused.reasons.items()):
        # The first records may have expired meanwhile, and offsets may have no record.
        position = max(member.assignment_state.position(partition), member.broker.start[partition])
        end = member.broker.end[partition]
        position = next(iter(member.broker.records(partition, position, end)), position)
        if "died" in reason and (partition, position) in member.broker.poison:
            member.skip(partition, position)
        else:
            member.resume(partition[0])
