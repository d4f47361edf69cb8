"""Which source records have been heard of again: a byte for each, so hours of load fit into memory."""

from collections.abc import Iterable

_GROWTH = 1 << 16


class Ledger:
    """`places`: the source partitions, as an event's `origin` names them: `topic/partition`."""

    def __init__(self, places: Iterable[str]) -> None:
        self._marks = {place: bytearray() for place in places}

    def mark(self, place: str, offset: int) -> bool:
        """Whether the place is a source partition; what comes from elsewhere marks nothing."""
        marks = self._marks.get(place)
        if marks is None or offset < 0:
            return False
        if offset >= len(marks):
            marks.extend(bytes(offset - len(marks) + _GROWTH))
        marks[offset] = 1
        return True

    def marked(self, place: str, offset: int) -> bool:
        marks = self._marks[place]
        return offset < len(marks) and marks[offset] == 1
