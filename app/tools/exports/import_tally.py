"""What became of the lines of an export: counts, and the numbers of the lines that were refused."""

from collections import Counter
from typing import Any, Final

from app.outcome import Dead, Emit, Outcome, Skip

_NUMBERS_SHOWN: Final = 10
_NAMES_SHOWN: Final = 20


class ImportTally:
    """Counts lines by outcome. It has names and numbers of lines only, no value of a user."""

    def __init__(self) -> None:
        self.lines = 0
        self.snapshots = 0
        self.deletions = 0
        self.skipped: Counter[str] = Counter()
        self.refused: Counter[str] = Counter()
        self.left_out: Counter[str] = Counter()
        self._details: Counter[tuple[str, str]] = Counter()
        self._numbers: dict[tuple[str, str], list[int]] = {}

    def add(self, number: int, outcome: Outcome) -> None:
        """Counts the outcome of the line with this number."""
        self.lines += 1
        match outcome:
            case Emit():
                deletions = sum(event.type == "user.deleted" for event in outcome.events)
                self.deletions += deletions
                self.snapshots += len(outcome.events) - deletions
                self.left_out.update(outcome.left_out)
            case Skip():
                self.skipped[outcome.reason] += 1
            case Dead():
                self.refuse(number, outcome)

    def refuse(self, number: int, dead: Dead) -> None:
        """Counts a line that is refused, and remembers its number."""
        why = dead.reason, dead.detail
        self.refused[dead.reason] += 1
        self._details[why] += 1
        numbers = self._numbers.setdefault(why, [])
        if len(numbers) < _NUMBERS_SHOWN:
            numbers.append(number)

    @property
    def refusals(self) -> int:
        """The number of refused lines."""
        return self.refused.total()

    def told(self) -> list[str]:
        """Returns a line of text for each reason, and one for the fields that were left out."""
        told = [f"skipped {count}: {reason}" for reason, count in sorted(self.skipped.items())]
        for (reason, detail), count in sorted(self._details.items()):
            numbers = self._numbers[reason, detail]
            shown = ", ".join(map(str, numbers)) + (", ..." if count > len(numbers) else "")
            told.append(f"refused {count}: {reason}, {detail} (line {shown})")
        if self.left_out:
            names = self.left_out.most_common(_NAMES_SHOWN)
            told.append("left out: " + ", ".join(f"{name} {count}" for name, count in names))
        return told

    def as_json(self) -> dict[str, Any]:
        """Returns the counts by name."""
        return {
            "lines": self.lines,
            "snapshots": self.snapshots,
            "deletions": self.deletions,
            "skipped": dict(self.skipped),
            "refused": dict(self.refused),
            "refused_lines": [
                {"reason": reason, "detail": detail, "count": count, "lines": self._numbers[reason, detail]}
                for (reason, detail), count in sorted(self._details.items())
            ],
            "left_out": dict(self.left_out.most_common(_NAMES_SHOWN)),
        }
