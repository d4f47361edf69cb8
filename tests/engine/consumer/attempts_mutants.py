"""Planted bugs: versions of Attempts that count wrongly, or begin what must wait."""

from collections.abc import Collection, Iterable

from app.engine.consumer.attempts import Attempts
from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition


class CountsNothing(Attempts):
    """Commits the count of before."""

    def note(self, partition: Partition, offset: int) -> tuple[int, int]:
        count, until = super().note(partition, offset)
        return max(count - 1, 0), until


class ForgetsCounts(Attempts):
    """Begins at zero in each assignment."""

    def assigned(self, partition: Partition, offset: int, note: CommitNote) -> bool:
        return super().assigned(partition, offset, CommitNote(reason=note.reason, skip=note.skip))


class BeginsSuspectsTogether(Attempts):
    """Begins all that waits."""

    def due(self, stopped: Collection[Partition]) -> set[Partition]:
        return {each for each in self._work if self._waits(each) and each not in stopped}

    def _waits(self, partition: Partition) -> bool:
        return self._work[partition].state.name == "WAITING"


class RestoresSuspectsTogether(Attempts):
    """Restores the tables of all partitions in one turn."""

    def turns(self, partitions: Iterable[Partition]) -> list[set[Partition]]:
        return [set().union(*super().turns(partitions))]


class HandlesBeforeTheCommit(Attempts):
    """Does not wait for the commit of a count."""

    def uncommitted(self) -> bool:
        return False

    def admits(self, partition: Partition) -> bool:
        return True


class LeavesTheCount(Attempts):
    """Does not take the count back when the worker gives the partition back."""

    def end(self, partitions: Iterable[Partition] | None = None) -> dict[Partition, int]:
        if partitions is None:
            return {}
        return super().end(partitions)


class CountsOn(Attempts):
    """Keeps the count when the partition has moved."""

    def note(self, partition: Partition, offset: int) -> tuple[int, int]:
        work = self._work.get(partition)
        return super().note(partition, offset if work is None else work.offset)


class ReadsWholeSlices(Attempts):
    """Reads a suspect like any other partition, so nobody learns which record it is."""

    def slice_end(self, partition: Partition) -> int | None:
        return None


class ForgetsTheRange(Attempts):
    """Begins at zero as soon as a suspect has moved, although the cause is still ahead."""

    def note(self, partition: Partition, offset: int) -> tuple[int, int]:
        work = self._work.get(partition)
        return super().note(partition, offset) if work is None or work.offset == offset else (0, 0)


ATTEMPTS_MUTANTS = [
    ReadsWholeSlices,
    ForgetsTheRange,
    CountsNothing,
    ForgetsCounts,
    BeginsSuspectsTogether,
    RestoresSuspectsTogether,
    HandlesBeforeTheCommit,
    LeavesTheCount,
    CountsOn,
]
