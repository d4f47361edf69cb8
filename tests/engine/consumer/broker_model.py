"""A model broker: logs, committed offsets, and what must be true of both, whatever members do."""

from collections import Counter
from collections.abc import Iterable

from app.engine.consumer.commit_note import CommitNote
from app.engine.slices import Partition

PARTITIONS: list[Partition] = [("source", 0), ("source", 1), ("other", 0)]


class ModelBroker:
    """Logs and committed offsets, and how often each record was handled."""

    def __init__(self) -> None:
        self.start = dict.fromkeys(PARTITIONS, 0)
        self.end = dict.fromkeys(PARTITIONS, 0)
        self.committed: dict[Partition, int] = {}
        self.notes: dict[Partition, CommitNote] = {}
        self.poison: set[tuple[Partition, int]] = set()
        """Records that end the worker that handles them."""
        self.deaths: Counter[Partition] = Counter()
        """How many workers have died with the partition in work since it was last moved."""
        self.handled: Counter[tuple[Partition, int]] = Counter()
        self.durable: set[tuple[Partition, int]] = set()
        self.hidden: set[tuple[Partition, int]] = set()
        """Offsets that hold no record for a reader: control records, those of aborted transactions, and what
        compaction has removed."""
        self.may_repeat: set[tuple[Partition, int]] = set()

    def next_offset(self, partition: Partition) -> int:
        return self.committed.get(partition, self.start[partition])

    def records(self, partition: Partition, first: int, end: int) -> list[int]:
        """Returns the offsets from `first` to `end - 1` that hold a record for a reader."""
        return [offset for offset in range(first, end) if (partition, offset) not in self.hidden]

    def handle(self, partition: Partition, offset: int) -> None:
        record = (partition, offset)
        self.handled[record] += 1
        assert self.handled[record] == 1 or record in self.may_repeat, f"{record} repeated without need"

    def note(self, partition: Partition) -> CommitNote:
        return self.notes.get(partition, CommitNote())

    @property
    def reasons(self) -> dict[Partition, str]:
        return {partition: note.reason for partition, note in self.notes.items() if note.reason}

    def commit(self, partition: Partition, offset: int, note: CommitNote = CommitNote()) -> None:  # noqa: B008
        # If only the note has changed, the same offset is committed again.
        assert offset >= self.committed.get(partition, 0), f"{partition} committed backwards to {offset}"
        for earlier in self.records(partition, self.start[partition], offset):
            assert (partition, earlier) in self.durable, f"{partition} committed {offset} past {earlier}"
        if offset != self.committed.get(partition, self.start[partition]):
            self.deaths[partition] = note.attempts
        self.committed[partition] = offset
        self.notes[partition] = note

    def excuse(self, partitions: Iterable[Partition]) -> None:
        """Allows repeats of what the owner of these partitions has handled and not committed: its end was not
        clean."""
        for partition in partitions:
            committed = self.next_offset(partition)
            self.may_repeat |= {(partition, offset) for offset in range(committed, self.end[partition])}

    def work_of_others(self, partition: Partition, count: int) -> None:
        """Lets another member own the partition, handle some records and commit them."""
        begin = max(self.next_offset(partition), self.start[partition])
        stop = min(self.end[partition], begin + count)
        for offset in self.records(partition, begin, stop):
            self.handle(partition, offset)
            self.durable.add((partition, offset))
        # It also commits the end of a log of which nothing is left.
        if stop > self.next_offset(partition):
            self.commit(partition, stop)
