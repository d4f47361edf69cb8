"""A model broker: logs, committed offsets, and what must hold about both whatever members do."""

from collections import Counter
from collections.abc import Iterable

from app.lane.slices import Partition

PARTITIONS: list[Partition] = [("source", 0), ("source", 1), ("other", 0)]


class ModelBroker:
    """Logs, committed offsets, and the books about which record was handled how often."""

    def __init__(self) -> None:
        self.start = dict.fromkeys(PARTITIONS, 0)
        self.end = dict.fromkeys(PARTITIONS, 0)
        self.committed: dict[Partition, int] = {}
        self.notes: dict[Partition, str] = {}
        self.handled: Counter[tuple[Partition, int]] = Counter()
        self.durable: set[tuple[Partition, int]] = set()
        self.may_repeat: set[tuple[Partition, int]] = set()

    def next_offset(self, partition: Partition) -> int:
        return self.committed.get(partition, self.start[partition])

    def handle(self, partition: Partition, offset: int) -> None:
        place = (partition, offset)
        self.handled[place] += 1
        assert self.handled[place] == 1 or place in self.may_repeat, f"{place} repeated without need"

    def commit(self, partition: Partition, offset: int, note: str = "") -> None:
        # A note that changed is committed with the same offset once more.
        assert offset >= self.committed.get(partition, 0), f"{partition} committed backwards to {offset}"
        for earlier in range(self.start[partition], offset):
            assert (partition, earlier) in self.durable, f"{partition} committed {offset} past {earlier}"
        self.committed[partition] = offset
        self.notes[partition] = note

    def excuse(self, partitions: Iterable[Partition]) -> None:
        """The owner is gone without a clean end: what it handled and did not commit comes again."""
        for partition in partitions:
            committed = self.next_offset(partition)
            self.may_repeat |= {(partition, offset) for offset in range(committed, self.end[partition])}

    def work_of_others(self, partition: Partition, count: int) -> None:
        """Another member owns the partition, handles some records and commits them."""
        begin = max(self.next_offset(partition), self.start[partition])
        stop = min(self.end[partition], begin + count)
        for offset in range(begin, stop):
            self.handle(partition, offset)
            self.durable.add((partition, offset))
        if stop > begin:
            self.commit(partition, stop)
