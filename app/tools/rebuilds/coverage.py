"""Which records of the vendors' topics a second canonical topic has the events of, so that the events that
the first one has of them are left out. It has no I/O.

A replay into a new topic ends with a record that says which ranges it has read (`range_header`). Without
one, nobody knows of which records there is no event, and everything between the first and the last event of a
partition counts as covered.
"""

import re
from bisect import bisect_right
from collections.abc import Mapping
from typing import Final

from app.engine import Headers, LogPartition

REPLAYED: Final = "replayed"
"""The header of the last record of a replay: what it has read."""

_RANGE: Final = re.compile(r"([0-9]{1,10}):([0-9]{1,19})-([0-9]{1,19})")


def range_header(ranges: Mapping[LogPartition, tuple[int, int]]) -> tuple[str, bytes]:
    """Returns the header that says which ranges of one topic a replay has read: `topic 0:5-20,1:0-7`. The
    second offset of a range is not included."""
    (topic,) = {log.topic for log in ranges}
    told = ",".join(f"{log.partition}:{first}-{end}" for log, (first, end) in sorted(ranges.items()))
    return REPLAYED, f"{topic} {told}".encode()


class Coverage:
    """By source partition (`topic/number`), the offsets of which the second topic says what has become of
    them."""

    def __init__(self) -> None:
        self._seen: dict[str, tuple[int, int]] = {}
        self._marked: dict[str, list[tuple[int, int]]] = {}

    def add(self, origin: object) -> None:
        """Notes the origin of an event of the second topic: `topic/number/offset`."""
        found = position_in(origin)
        if found is not None:
            partition, offset = found
            first, last = self._seen.get(partition, (offset, offset))
            self._seen[partition] = min(offset, first), max(offset, last)

    def read_headers(self, headers: Headers) -> None:
        """Notes the ranges that a record of the second topic tells."""
        for name, value in headers:
            if name == REPLAYED and value is not None:
                topic, _, ranges = value.decode("utf-8", "replace").rpartition(" ")
                for each in ranges.split(","):
                    if match := _RANGE.fullmatch(each):
                        marked = self._marked.setdefault(f"{topic}/{match[1]}", [])
                        marked.append((int(match[2]), int(match[3])))
                        marked.sort()

    def has(self, origin: object) -> bool:
        """Returns whether the second topic says what has become of the record of this origin."""
        found = position_in(origin)
        if found is None:
            return False
        partition, offset = found
        if (marked := self._marked.get(partition)) is not None:
            # Ranges of several replays may overlap, so each that begins before the offset is looked at.
            return any(offset < end for _first, end in marked[: bisect_right(marked, (offset, _AFTER))])
        first, last = self._seen.get(partition, (1, 0))
        return first <= offset <= last


_AFTER: Final = 1 << 64


def position_in(origin: object) -> tuple[str, int] | None:
    """Returns the partition and the offset in an event's `origin`; None if it names no record."""
    if not isinstance(origin, str):
        return None
    partition, _, offset = origin.rpartition("/")
    number = partition.rpartition("/")[2]
    if not (offset.isdecimal() and offset.isascii() and number.isdecimal()):
        return None
    return partition, int(offset)
