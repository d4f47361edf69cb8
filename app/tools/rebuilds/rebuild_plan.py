"""What `rebuild` is asked for, and what it tells."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from app.tools.rebuilds.rebuilt_rows import FoldCounts
from app.tools.rebuilds.switch_state import SwitchState


class RebuildPlan(Struct, frozen=True, kw_only=True):
    """What is asked for. `source`: "" for the canonical topic of the settings."""

    into: str
    source: str = ""
    go_on: bool = False
    check: bool = False
    without_old: frozenset[str] = frozenset()
    """The vendors whose old rows are left out."""
    partial: bool = False

    def purpose(self) -> str:
        """Returns what all runs for one pair of new changelogs must have in common."""
        told = f"rebuild from {self.source or 'the canonical topic'}"
        return (
            f"{told} without the old rows of {','.join(sorted(self.without_old))}"
            if self.without_old
            else told
        )


class RebuildResult(Struct, frozen=True, kw_only=True):
    """What a rebuild did. `merged`: keys with an old row. `older`: users of whom a part of the old row is
    left out, if the run has counted them. `written`: records, by topic."""

    into: tuple[str, str]
    sources: list[str]
    counts: FoldCounts
    merged: int
    older: int
    written: Counter[str]
    switch: SwitchState

    def lines(self) -> list[str]:
        """Returns what is told of it."""
        counts = self.counts
        events = f"{counts.applied:,} events of {' and '.join(self.sources)} applied"
        told = [f"{events}, old rows of {self.merged:,} users merged"]
        left_out = (
            (counts.covered, f"events left out: {self.sources[0]} has those of the same records"),
            (counts.none, "records left out: they are no events"),
            (counts.ended, "events left out: they are older than GRACE_PERIOD, and their user was deleted"),
            (counts.too_large, "events left out: their rows would be too large"),
            (self.older, "users whose old rows know more, which is left out"),
        )
        told += [f"{count:,} {what}" for count, what in left_out if count]
        told += [f"{self.written[topic]:,} rows written to {topic}" for topic in self.into]
        return told + self.switch.lines()

    def members(self) -> dict[str, Any]:
        """Returns it for JSON."""
        counts = self.counts
        return {
            "sources": self.sources,
            "events": counts.applied,
            "covered": counts.covered,
            "no_events": counts.none,
            "ended": counts.ended,
            "too_large": counts.too_large,
            "merged": self.merged,
            "older": self.older,
            "written": {topic: self.written[topic] for topic in self.into},
            "switch": self.switch.members(),
        }


class TableDifference(Struct):
    """How the rows of a table differ from what they should be."""

    equal: int = 0
    differing: int = 0
    missing: int = 0
    unexpected: int = 0

    def compare(self, wanted: Mapping[bytes, bytes], found: Mapping[bytes, bytes]) -> None:
        """Adds the rows of a partition."""
        for key, row in wanted.items():
            there = found.get(key)
            if there is None:
                self.missing += 1
            elif there == row:
                self.equal += 1
            else:
                self.differing += 1
        self.unexpected += sum(key not in wanted for key in found)

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return not (self.differing or self.missing or self.unexpected)


class RebuildCheck(Struct):
    """Whether new changelogs hold the rows that they should."""

    into: tuple[str, str]
    tables: tuple[TableDifference, TableDifference] = field(
        default_factory=lambda: (TableDifference(), TableDifference())
    )

    def compare(
        self,
        wanted: tuple[Mapping[bytes, bytes], Mapping[bytes, bytes]],
        found: tuple[Mapping[bytes, bytes], Mapping[bytes, bytes]],
    ) -> None:
        """Adds the rows of a partition of both tables."""
        for table, *rows in zip(self.tables, wanted, found, strict=True):
            table.compare(*rows)

    @property
    def is_equal(self) -> bool:
        """Whether nothing differs."""
        return all(table.is_equal for table in self.tables)

    def lines(self) -> list[str]:
        """Returns what is told of it."""
        return [
            f"{topic}: {each.equal:,} rows equal, {each.differing:,} differ, {each.missing:,} are missing,"
            f" {each.unexpected:,} should not be there"
            for topic, each in zip(self.into, self.tables, strict=True)
        ]

    def members(self) -> dict[str, Any]:
        """Returns it for JSON."""
        return {
            topic: {
                "equal": each.equal,
                "differing": each.differing,
                "missing": each.missing,
                "unexpected": each.unexpected,
            }
            for topic, each in zip(self.into, self.tables, strict=True)
        }
