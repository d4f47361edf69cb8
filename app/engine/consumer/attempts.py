"""Decides when a partition counts as one that ends workers, and which partitions may be begun meanwhile.

An *attempt* begins when a worker begins on a partition that it got: before its tables are restored, and
before its first slice. The count is committed first, with the offset unchanged. The attempt ends with any
commit that moves the partition, and if the worker gives the partition back. So only a worker that dies leaves
the count behind, and five of them pause the partition (docs/design.md#attempts). It has no I/O and no clock.

A cause that kills within milliseconds keeps all partitions of the worker from moving, so all are counted.
After two such deaths a partition is a *suspect*. Suspects are begun one at a time, with nothing else in work,
and the others are not counted meanwhile. A suspect is read in short slices, each committed before the next
begins, over the offsets in which the cause must be. Each further death leaves a sixteenth of them, and the
slices are then a sixteenth as long. So a slice that is too much as a whole passes, and the fifth attempt has
one record, that of the offset at which it dies.

The file is long because every method reads or moves the state of an attempt (`AttemptState`): the turns, what
may be fetched and the notes of commits are answers about the same few attributes.
"""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from itertools import count
from typing import Final

from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition

SUSPECT: Final = 2
LAST: Final = 5
"""After so many deaths a partition is begun alone and in short slices, and is paused."""

_GIVE_UP_SECONDS: Final = 5.0
"""If a partition in work has had no record for so long, its turn passes: its leader may be away."""


class AttemptState(Enum):
    IDLE = auto()  # No record is known that waits. What a fetch returns nevertheless must be begun first.
    WAITING = auto()  # There is work, and it waits for its turn.
    BEGUN = auto()  # The count is being committed. Nothing may be handled yet.
    IN_WORK = auto()  # The count is committed. Nothing is committed since.
    PASSED = auto()  # The partition has moved, or its slice has ended in another way than a death.


@dataclass(slots=True)
class _Work:
    offset: int
    """The committed offset."""
    died: int
    """The attempts that died at this offset."""
    until: int
    """The end of the offsets in which the cause of the deaths must be; 0 if it is no suspect."""
    state: AttemptState = AttemptState.WAITING
    since: float = 0.0
    """The monotonic time in seconds at which the attempt was begun."""
    dispatched: bool = False
    """Whether a slice of the attempt was dispatched."""
    survived: bool = False
    """Whether an attempt has ended in this assignment and left the offset as it was: a restore."""

    @property
    def suspect(self) -> bool:
        return self.died >= SUSPECT


class Attempts:
    """The attempts of the assigned partitions. A partition that it was never told of needs none."""

    def __init__(self, span: int = 4_000) -> None:
        """`span` is the largest number of records of a slice."""
        self._span = span
        # Each death of a suspect leaves one of so many equal parts of the offsets, in the end one offset.
        self._share = next(share for share in count(1) if share ** (LAST - SUSPECT) >= span)
        self._work: dict[Partition, _Work] = {}
        # perf: saves a look at all partitions for each of them before each fetch; plain form: look.
        self._in: dict[AttemptState, set[Partition]] = {state: set() for state in AttemptState}

    # -- an assignment

    def assigned(self, partition: Partition, offset: int, note: CommitNote) -> bool:
        """Returns whether the partition must be paused: too many attempts died at `offset`, which is its
        committed offset. What is known of a partition already stays."""
        if partition in self._work:
            return False
        fatal = note.attempts >= LAST
        died = 0 if fatal else note.attempts
        until = 0
        if died >= SUSPECT:
            known = note.until if note.until > offset else offset + self._span
            # The last attempt died in the slice that began here.
            until = min(known, offset + self._length(died - 1))
        self._work[partition] = _Work(offset, died, until)
        self._in[AttemptState.WAITING].add(partition)
        return fatal

    def _length(self, died: int) -> int:
        """Returns the number of offsets of a slice after so many deaths."""
        return self._span if died < SUSPECT else int(self._share ** (LAST - 1 - died))

    def knows(self, partition: Partition) -> bool:
        """Returns whether the partition is assigned."""
        return partition in self._work

    def partitions(self) -> list[Partition]:
        """Returns the assigned partitions."""
        return list(self._work)

    def turns(self, partitions: Iterable[Partition]) -> list[set[Partition]]:
        """Returns the groups in which the tables of these partitions are restored, one after the other: those
        that are no suspects together, then each suspect alone."""
        here = {each for each in partitions if each in self._work}
        suspects = sorted(
            (each for each in here if self._work[each].suspect), key=lambda p: (self._work[p].died, p)
        )
        groups = [here.difference(suspects), *({each} for each in suspects)]
        return [group for group in groups if group]

    def seen(self, ends: Mapping[Partition, int] | None) -> list[Partition]:
        """Notes the ends of the logs of the partitions that have records to handle; None if nobody knows.
        Returns those whose count has ended with that: their tables could be restored, and there is nothing to
        handle."""
        ended = []
        for partition, work in self._work.items():
            if work.state is not AttemptState.WAITING:
                continue
            if ends is not None and partition in ends:
                # The cause was there before: a partition that is idle later must not remain a suspect.
                work.until = min(work.until, ends[partition])
                continue
            self._move(partition, AttemptState.IDLE)
            if ends is not None and work.survived:
                work.died = work.until = 0
                ended.append(partition)
        return ended

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Forgets revoked partitions."""
        for partition in partitions:
            work = self._work.pop(partition, None)
            if work is not None:
                self._in[work.state].discard(partition)

    def offset(self, partition: Partition) -> int | None:
        """Returns the committed offset of the partition; None if it is not known."""
        work = self._work.get(partition)
        return None if work is None else work.offset

    # -- turns

    def found(self, partitions: Iterable[Partition]) -> None:
        """Notes that a fetch has returned records of these partitions."""
        for partition in partitions:
            work = self._work.get(partition)
            if work is not None and work.state is AttemptState.IDLE:
                self._move(partition, AttemptState.WAITING)

    def settled(self, found: Collection[Partition]) -> bool:
        """Returns whether nothing is to be begun or ended, now that a fetch has found these partitions."""
        states = self._in
        busy = states[AttemptState.WAITING] or states[AttemptState.BEGUN] or states[AttemptState.IN_WORK]
        return not busy and states[AttemptState.IDLE].isdisjoint(found)

    def due(self, stopped: Collection[Partition]) -> set[Partition]:
        """Returns the partitions to begin now, all in one commit: all that are no suspects, or one suspect if
        nothing else is in work. `stopped`: partitions of which nothing may be handled."""
        waiting = {each: self._work[each] for each in self._in[AttemptState.WAITING].difference(stopped)}
        due = {each for each, work in waiting.items() if not work.suspect and self._may_begin(work)}
        if due or not waiting:
            return due
        first = min(waiting, key=lambda each: (waiting[each].died, waiting[each].since, each))
        return {first} if self._may_begin(waiting[first]) else set()

    def begin(self, partitions: Iterable[Partition], now: float = 0.0) -> dict[Partition, int]:
        """Returns the offsets to commit with the new counts. `now` is monotonic, in seconds."""
        begun = {}
        for partition in partitions:
            work = self._work.get(partition)
            if work is not None:
                self._move(partition, AttemptState.BEGUN)
                work.since, work.dispatched = now, False
                begun[partition] = work.offset
        return begun

    def uncommitted(self) -> bool:
        """Returns whether a partition waits for the commit of its count."""
        return bool(self._in[AttemptState.BEGUN])

    def end(self, partitions: Iterable[Partition] | None = None) -> dict[Partition, int]:
        """Returns the offsets to commit with the counts of before, because the attempts have ended and the
        partitions did not move. `partitions`: None means all."""
        ended = {}
        for partition in list(self._work) if partitions is None else partitions:
            if self.in_work(partition):
                work = self._work[partition]
                work.survived = True
                self._move(partition, AttemptState.WAITING)
                ended[partition] = work.offset
        return ended

    def give_up(self, idle: Iterable[Partition], now: float) -> dict[Partition, int]:
        """Returns the same for those of the `idle` partitions that have been in work for long: they have no
        slice on its way, so others get their turn."""
        working = self._in[AttemptState.IN_WORK].intersection(idle)
        waiting = [each for each in working if not self._work[each].dispatched]
        long = [each for each in waiting if now - self._work[each].since >= _GIVE_UP_SECONDS]
        ended = self.end(long)
        for partition in long:
            work = self._work[partition]
            work.survived, work.since = False, now
            self._move(partition, AttemptState.IDLE)
        return ended

    def passed(self, partition: Partition) -> None:
        """Notes that the attempt has ended in another way than a death: the agent has paused the topic."""
        if self.in_work(partition):
            self._move(partition, AttemptState.PASSED)

    def resumed(self, partition: Partition) -> None:
        """Notes that an operator has resumed the partition: if nothing of it was handled yet, its count is 0,
        and it is begun when a fetch finds records."""
        work = self._work.get(partition)
        if work is not None and work.state is not AttemptState.PASSED:
            work.died = work.until = 0
            self._move(partition, AttemptState.IDLE)

    # -- fetching

    def blocked(self) -> set[Partition]:
        """Returns the partitions of which nothing may be fetched now."""
        waiting = self._in[AttemptState.WAITING] | self._in[AttemptState.BEGUN]
        working = self._in[AttemptState.IN_WORK] | self._in[AttemptState.BEGUN]
        if working:
            waiting |= {each for each in self._in[AttemptState.IDLE] if not self._may_begin(self._work[each])}
            waiting |= {each for each in self._in[AttemptState.IN_WORK] if not self.admits(each)}
        return waiting

    def admits(self, partition: Partition) -> bool:
        """Returns whether a slice of the partition may be dispatched. Of a suspect it is only one until the
        commit that moves it."""
        work = self._work.get(partition)
        if work is None or work.state is AttemptState.PASSED:
            return True
        return work.state is AttemptState.IN_WORK and not (work.suspect and work.dispatched)

    def dispatched(self, partition: Partition) -> None:
        """Notes that a slice of the partition was dispatched."""
        work = self._work.get(partition)
        if work is not None:
            work.dispatched = True

    def slice_end(self, partition: Partition) -> int | None:
        """Returns the offset before which the next slice of a suspect must end; None if its end is free."""
        work = self._work.get(partition)
        if work is None or work.state is AttemptState.PASSED or work.offset >= work.until:
            return None
        return min(work.offset + self._length(work.died), work.until)

    def records(self, partition: Partition) -> int:
        """Returns the largest number of records of the next slice of the partition."""
        end = self.slice_end(partition)
        return self._span if end is None else end - self._work[partition].offset

    def in_work(self, partition: Partition) -> bool:
        """Returns whether an attempt of the partition has begun and not ended."""
        return partition in self._in[AttemptState.IN_WORK] or partition in self._in[AttemptState.BEGUN]

    def _may_begin(self, work: _Work) -> bool:
        others = self._in[AttemptState.IN_WORK] | self._in[AttemptState.BEGUN]
        return not others or not (work.suspect or any(self._work[each].suspect for each in others))

    def _move(self, partition: Partition, state: AttemptState) -> None:
        work = self._work[partition]
        self._in[work.state].discard(partition)
        work.state = state
        self._in[state].add(partition)

    # -- commits

    def note(self, partition: Partition, offset: int) -> tuple[int, int]:
        """Returns the count to commit together with the offset, and the offset before which the cause must
        be."""
        work = self._work.get(partition)
        if work is None or work.state is AttemptState.PASSED:
            return 0, 0
        if offset != work.offset:
            return (work.died, work.until) if work.offset < offset < work.until else (0, 0)
        return work.died + self.in_work(partition), work.until

    def committed(self, partition: Partition, offset: int) -> None:
        """Notes that the broker accepted the offset with what `note` says."""
        work = self._work.get(partition)
        if work is None or work.state is AttemptState.PASSED:
            return
        if offset == work.offset:
            if work.state is AttemptState.BEGUN:
                self._move(partition, AttemptState.IN_WORK)
            return
        still_suspect = work.offset < offset < work.until
        work.offset = offset
        if still_suspect:
            self._move(partition, AttemptState.IDLE)
        elif not self.in_work(partition):
            # It was moved past offsets without records, and no record was handled.
            work.died = work.until = 0
        else:
            work.died = work.until = 0
            self._move(partition, AttemptState.PASSED)
