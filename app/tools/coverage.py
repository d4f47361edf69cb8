"""Which records of the vendors' topics a second canonical topic has the events of, so that the events that
the first one has of them are left out. It has no I/O."""

from msgspec import Struct


class Coverage(Struct):
    """By source partition (`topic/number`), the offsets from the first to the last record that is covered."""

    ranges: dict[str, tuple[int, int]] = {}

    def add(self, origin: object) -> None:
        """Notes the origin of an event of the second topic: `topic/number/offset`."""
        found = position_in(origin)
        if found is not None:
            known = self.ranges.get(found[0], (found[1], found[1]))
            self.ranges[found[0]] = min(found[1], known[0]), max(found[1], known[1])

    def has(self, origin: object) -> bool:
        """Returns whether the second topic says what has become of the record of this origin."""
        found = position_in(origin)
        if found is None or (known := self.ranges.get(found[0])) is None:
            return False
        return known[0] <= found[1] <= known[1]


def position_in(origin: object) -> tuple[str, int] | None:
    """Returns the partition and the offset in an event's `origin`; None if it names no record."""
    if not isinstance(origin, str):
        return None
    partition, _, offset = origin.rpartition("/")
    number = partition.rpartition("/")[2]
    if not (offset.isdecimal() and offset.isascii() and number.isdecimal()):
        return None
    return partition, int(offset)
