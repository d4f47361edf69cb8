"""Which source records have become an event or a dead letter: one byte a record, so hours of load fit into
memory."""

from collections.abc import Iterable

_GROWTH = 1 << 16


class Ledger:
    """Marks of source records. `partitions`: the source partitions as in an event's `origin`:
    `topic/partition`."""

    def __init__(self, partitions: Iterable[str]) -> None:
        self._marks = {partition: bytearray() for partition in partitions}

    def mark(self, partition: str, offset: int) -> bool:
        """Returns whether the position can be that of a source record; marks nothing if it cannot."""
        marks = self._marks.get(partition)
        if marks is None or offset < 0:
            return False
        if offset >= len(marks):
            marks.extend(bytes(offset - len(marks) + _GROWTH))
        marks[offset] = 1
        return True

    def marked(self, partition: str, offset: int) -> bool:
        marks = self._marks[partition]
        return offset < len(marks) and marks[offset] == 1
