"""Decides which offset may be committed: the end of the longest prefix of slices that are all done."""

from collections import Counter, deque
from collections.abc import Iterable, Mapping

from app.engine.slices import InFlightSlice, Partition, SliceState


class SliceOrderError(Exception):
    """Slices of one partition were begun in another order than that of their dispatch."""


class OffsetTracker:
    """The slices of each partition in the order of their dispatch.

    It has no I/O and no clock: times are passed in. They are monotonic, in seconds.
    """

    def __init__(self) -> None:
        self._slices: dict[Partition, deque[InFlightSlice]] = {}
        self._ready: dict[Partition, int] = {}
        self._uncommitted: dict[Partition, deque[InFlightSlice]] = {}
        """Slices of the done prefix whose end is not committed yet."""
        self._records: Counter[str] = Counter()
        self._bytes: Counter[str] = Counter()
        self.in_flight = 0
        """The number of slices that were begun and are not done."""

    def dispatch(
        self, partition: Partition, first: int, last: int, now: float = 0.0, size: int = 0
    ) -> InFlightSlice:
        """Returns the slice of the offsets `first` to `last`, which goes to its agent at the time `now`. Its
        records have `size` bytes."""
        dispatched = InFlightSlice(partition, first, last, size=size, dispatched_at=now, moved_at=now)
        self._slices.setdefault(partition, deque()).append(dispatched)
        self._records[partition[0]] += last + 1 - first
        self._bytes[partition[0]] += size
        return dispatched

    def pass_over(self, partition: Partition, end: int) -> None:
        """Notes that no offset from the end of the last slice up to `end` holds a record. They become
        committable together with that slice; at once if no slice is on its way."""
        slices = self._slices.get(partition)
        if not slices:
            self._ready[partition] = end
        elif (more := end - 1 - slices[-1].last) > 0:
            slices[-1].last += more
            self._records[partition[0]] += more

    def begin(self, dispatched: InFlightSlice) -> bool:
        """Returns whether the slice may be handled. It may not if it was taken back.

        Raises SliceOrderError if an earlier slice is still queued: then the outputs of a key would be
        written in the wrong order. Turns are taken in the order in which Faust hands out slices; this checks
        that Faust keeps to that of their dispatch.
        """
        if dispatched.state is not SliceState.QUEUED:
            return False
        for earlier in self._slices[dispatched.partition]:
            if earlier is dispatched:
                break
            if earlier.state is SliceState.QUEUED:
                raise SliceOrderError(f"{dispatched} was begun before {earlier}, which is still queued")
        dispatched.state = SliceState.BEGUN
        self.in_flight += 1
        return True

    def done(self, dispatched: InFlightSlice) -> bool:
        """Returns whether the slice is done now. It is not if it was forgotten meanwhile, or never begun."""
        if dispatched.state is not SliceState.BEGUN:
            return False
        dispatched.state = SliceState.DONE
        self.in_flight -= 1
        slices = self._slices[dispatched.partition]
        while slices and slices[0].state is SliceState.DONE:
            head = slices.popleft()
            self._settle(head)
            self._ready[head.partition] = head.last + 1
            self._uncommitted.setdefault(head.partition, deque()).append(head)
        return True

    def committable(self) -> dict[Partition, int]:
        """Returns the offsets to commit: those that the broker has not accepted yet."""
        return dict(self._ready)

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        """Notes that the broker accepted these offsets. What became committable meanwhile stays so."""
        for partition, offset in offsets.items():
            if self._ready.get(partition) == offset:
                del self._ready[partition]
            waiting = self._uncommitted.get(partition, deque())
            while waiting and waiting[0].last < offset:
                waiting.popleft()

    def commit_again(self, partition: Partition, offset: int) -> None:
        """Makes an offset committable although nothing more is done, because its metadata has changed."""
        self._ready.setdefault(partition, offset)

    def take_back(self, partitions: Iterable[Partition] | None = None) -> list[InFlightSlice]:
        """Returns the slices that no agent has begun, those of a partition from the last to the first, and
        takes them back. `partitions` is all partitions if it is None."""
        taken = []
        for partition in list(self._slices) if partitions is None else partitions:
            slices = self._slices.get(partition, deque())
            while slices and slices[-1].state is SliceState.QUEUED:
                taken.append(self._take_last(slices))
        return taken

    def put_back(self, dispatched: InFlightSlice) -> None:
        """Takes back a begun slice of which nothing was appended. Raises SliceOrderError if it is not the
        last slice of its partition."""
        self._take_last(self._begun_last(dispatched))
        self.in_flight -= 1

    def cut(self, dispatched: InFlightSlice, offset: int) -> None:
        """Takes the offsets from `offset` on out of a begun slice, of which nothing was appended from there
        on. `offset` is not the slice's first. Raises SliceOrderError if it is not the last slice of its
        partition."""
        self._begun_last(dispatched)
        self._records[dispatched.partition[0]] -= dispatched.last + 1 - offset
        dispatched.last = offset - 1

    def _begun_last(self, dispatched: InFlightSlice) -> deque[InFlightSlice]:
        slices = self._slices[dispatched.partition]
        if dispatched.state is not SliceState.BEGUN or slices[-1] is not dispatched:
            raise SliceOrderError(f"{dispatched} is not begun, or not the last of its partition")
        return slices

    def _take_last(self, slices: deque[InFlightSlice]) -> InFlightSlice:
        dispatched = slices.pop()
        dispatched.state = SliceState.GONE
        self._settle(dispatched)
        return dispatched

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Forgets revoked partitions. An acknowledgement that comes later has no effect."""
        for partition in partitions:
            self._ready.pop(partition, None)
            self._uncommitted.pop(partition, None)
            for dispatched in self._slices.pop(partition, ()):
                self.in_flight -= dispatched.state is SliceState.BEGUN
                dispatched.state = SliceState.GONE
                self._settle(dispatched)

    def earliest(self, partition: Partition) -> int | None:
        """Returns the first offset of the partition's slices that are not in the done prefix, or None."""
        slices = self._slices.get(partition)
        return slices[0].first if slices else None

    def oldest_in_flight(self) -> InFlightSlice | None:
        """Returns the slice that was dispatched first among those that are not acknowledged, or None."""
        heads = (slices[0] for slices in self._slices.values() if slices)
        return min(heads, key=_dispatched_at, default=None)

    def least_moved(self) -> InFlightSlice | None:
        """Returns the slice that has not moved for the longest time, or None.

        It does not look at slices that wait for others, because those are looked at themselves. Nor does it
        look at queued slices of a topic that has begun ones: its agents are busy.
        """
        heads = [slices[0] for slices in self._slices.values() if slices]
        busy = {head.partition[0] for head in heads if head.state is SliceState.BEGUN}
        due = [
            head
            for head in heads
            if (not head.waits if head.state is SliceState.BEGUN else head.partition[0] not in busy)
        ]
        return min(due, key=_moved_at, default=None)

    def oldest_uncommitted(self) -> InFlightSlice | None:
        """Returns the slice that was dispatched first among those whose end is not committed, or None."""
        heads = [waiting[0] for waiting in self._uncommitted.values() if waiting]
        if (in_flight := self.oldest_in_flight()) is not None:
            heads.append(in_flight)
        return min(heads, key=_dispatched_at, default=None)

    def first_uncommitted(self, partition: Partition) -> InFlightSlice | None:
        """Returns the first of the partition's slices whose end is not committed, or None."""
        slices = self._uncommitted.get(partition) or self._slices.get(partition)
        return slices[0] if slices else None

    def slices_of(self, partition: Partition) -> int:
        """Returns the number of a partition's slices that are dispatched and not in the done prefix."""
        return len(self._slices.get(partition, ()))

    def records_of(self, topic: str) -> int:
        """Returns the number of records in those slices of all partitions of a topic."""
        return self._records[topic]

    def bytes_of(self, topic: str | None = None) -> int:
        """Returns the number of bytes of those records; of all topics if `topic` is None."""
        return self._bytes.total() if topic is None else self._bytes[topic]

    def _settle(self, dispatched: InFlightSlice) -> None:
        self._records[dispatched.partition[0]] -= dispatched.last + 1 - dispatched.first
        self._bytes[dispatched.partition[0]] -= dispatched.size


def _dispatched_at(dispatched: InFlightSlice) -> float:
    return dispatched.dispatched_at


def _moved_at(dispatched: InFlightSlice) -> float:
    return dispatched.moved_at
