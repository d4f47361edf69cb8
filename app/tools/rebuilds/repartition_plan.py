"""What `repartition` is asked for, and what it tells."""

from collections import Counter
from collections.abc import Iterable
from hashlib import blake2b
from typing import Any, Final

from msgspec import Struct

from app.tools.rebuilds.switch_state import SwitchState

_DIGEST_BYTES: Final = 16
_MODULUS: Final = 1 << (8 * _DIGEST_BYTES)


class RepartitionPlan(Struct, frozen=True, kw_only=True):
    """What is asked for. `per_second`: events a second, 0 for no limit. `move_group`: the group of a consumer
    that goes on with the new canonical topic; "" for none."""

    partitions: int
    into: str
    go_on: bool = False
    check: bool = False
    move_group: str = ""
    per_second: float = 0.0


class RepartitionResult(Struct, frozen=True, kw_only=True):
    """What a repartition did. `written`: records, by topic. `again`: how many of the events were copied a
    second time, because the workers had not committed them. `left_out`: records that are no events for a
    worker, and have no place in the new topic."""

    topics: list[str]
    written: Counter[str]
    again: int
    left_out: int
    switch: SwitchState

    def lines(self) -> list[str]:
        """Returns what is told of it."""
        told = [f"{self.written[topic]:,} records written to {topic}" for topic in self.topics]
        if self.left_out:
            told.append(f"{self.left_out:,} records left out: a worker writes them to the dead-letter topic")
        return told + self.switch.lines()

    def members(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {
            "written": {topic: self.written[topic] for topic in self.topics},
            "again": self.again,
            "left_out": self.left_out,
            "switch": self.switch.members(),
        }


class RowSums(Struct):
    """The number of rows, and a sum over all of them that does not depend on their order. If both are equal,
    the rows are."""

    rows: int = 0
    total: int = 0

    def add(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Adds rows with their keys."""
        for key, row in rows:
            digest = blake2b(len(key).to_bytes(4) + key + row, digest_size=_DIGEST_BYTES).digest()
            self.total = (self.total + int.from_bytes(digest)) % _MODULUS
            self.rows += 1


class RepartitionCheck(Struct):
    """Whether the new changelogs hold the rows of the old ones: by the number of the old partition, the sums
    of the rows of its keys in the old and in the new changelogs."""

    old: dict[int, RowSums]
    new: dict[int, RowSums]

    @property
    def differing(self) -> list[int]:
        """The old partitions of which rows differ."""
        return [number for number, sums in self.old.items() if sums != self.new[number]]

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not self.differing

    def lines(self) -> list[str]:
        """Returns what is told of it."""
        old, new = (sum(each.rows for each in sums.values()) for sums in (self.old, self.new))
        if self.is_equal:
            return [f"{old:,} rows equal"]
        told = ", ".join(map(str, self.differing))
        return [
            f"{old:,} rows in the old changelogs, {new:,} in the new ones; partitions that differ: {told}"
        ]

    def members(self) -> dict[str, Any]:
        """Returns it for JSON."""
        old, new = (sum(each.rows for each in sums.values()) for sums in (self.old, self.new))
        return {"old": old, "new": new, "equal": self.is_equal, "differing": self.differing}


class MovedGroup(Struct, frozen=True):
    """A group of a consumer that goes on with the new canonical topic."""

    group: str
    topic: str

    def lines(self) -> list[str]:
        """Returns what is told of it."""
        return [f"group {self.group} goes on with {self.topic}"]

    def members(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {"group": self.group, "topic": self.topic}
