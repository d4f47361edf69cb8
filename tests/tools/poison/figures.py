"""The figures of a campaign, and what must hold."""

from collections import Counter
from typing import Final

from msgspec import Struct, field

from app.outcome import DEAD_REASONS
from tests.tools.faults.verifier import Report
from tests.tools.poison.dose import DAMAGES, Boundary
from tests.tools.poison.ends import End
from tests.tools.poison.health import Answer
from tests.tools.poison.turns import LONGEST_TURN_SECONDS

LONGEST_BLOCK_SECONDS: Final = 1.0
Reached = tuple[Boundary, str]
"""A boundary, and the reason of its dead letters, the kind of what it has skipped, or that of the broken
batches at which workers have waited."""

TO_REACH: Final[frozenset[Reached]] = frozenset(
    {
        *(("vendor", damage) for damage in DAMAGES),
        *(("canonical", damage) for damage in DAMAGES),
        *(("vendor", reason) for reason in DEAD_REASONS if reason != "mapper_error"),
        ("vendor", "tombstone"),
        ("vendor", "other_family"),
        ("canonical", "schema"),
        ("canonical", "bad_time"),
        ("canonical", "too_large"),
        ("changelog", "not_json"),
        ("changelog", "schema"),
        ("changelog", "misplaced_row"),
        ("changelog", "misplaced_tombstone"),
    }
)
"""What poison has to reach, or nothing is shown."""


class Figures(Struct, kw_only=True):
    """Sizes are bytes, times are seconds."""

    seconds: float = 0.0
    poisoned: int = 0
    wanted: int = 0
    """How many poisoned records there have to be."""
    kills: int = 0
    kills_in_flight: int = 0
    """Those of a worker that had records which were dispatched and not committed."""
    ends: list[End] = []
    """All ends of workers that the campaign did not ask for."""
    loops: int = 0
    repeated_kinds: list[str] = []
    peak: int = 0
    limit: int = 0
    longest_block: float = 0.0
    longest_turn: float | None = None
    """For how many seconds one callback kept the loop of a worker, at most; None if no worker measured it."""
    blocks: int = 0
    """How often a loop was blocked for longer than LONGEST_BLOCK_SECONDS."""
    slowest: list[Answer] = []
    """The answers of /healthz that took longest."""
    answers: int = 0
    to_reach: frozenset[Reached] = TO_REACH
    reached: Counter[Reached] = field(default_factory=Counter)
    report: Report = field(default_factory=Report)
    problems: list[str] = []
    """Why the campaign did not come to its end."""

    def failures(self) -> list[str]:
        """Returns a phrase for each thing that does not hold."""
        found = [*self.problems, *self.report.failures()]
        if self.loops:
            found.append(f"{self.loops} offsets ended a worker more than five times")
        if self.repeated_kinds:
            found.append(f"ended a worker twice: {', '.join(self.repeated_kinds)}")
        if self.peak > self.limit:
            found.append(f"a worker had {_mb(self.peak)}, more than {_mb(self.limit)}")
        if self.longest_block > LONGEST_BLOCK_SECONDS:
            found.append(f"a loop was blocked for {self.longest_block:.2f} s")
        if (self.longest_turn or 0.0) > LONGEST_TURN_SECONDS:
            found.append(f"a turn took {self.longest_turn:.2f} s")
        return [*found, *([] if self.problems else self._too_little())]

    def _too_little(self) -> list[str]:
        found = [f"no poison reached {each}" for each in sorted(self.to_reach - self.reached.keys())]
        if self.poisoned < self.wanted:
            found.append(f"only {self.poisoned} poisoned records")
        if self.kills_in_flight * 2 < max(self.kills, 2):
            found.append(f"only {self.kills_in_flight} of {self.kills} kills hit slices in flight")
        if self.longest_turn is None:
            found.append("no worker measured its turns")
        if not self.answers:
            found.append("no worker answered /healthz")
        return found

    def lines(self) -> list[str]:
        """Returns everything for the terminal. The last line has what matters."""
        report = self.report
        told = [f"  reached {boundary} {what}: {n}" for (boundary, what), n in sorted(self.reached.items())]
        told += [f"  a worker ended with {end.code}: {end.reason}" for end in self.ends]
        told += [
            f"  /healthz took {answer.seconds:.2f} s, in {answer.worked:.2f} s of which the loop worked"
            for answer in self.slowest
        ]
        told.append(
            f"  {report.records} records of vendors, {report.events} events, {report.dead} dead,"
            f" {report.skipped} skipped, {report.rows} rows, {report.repeats} repeats"
        )
        told += [f"  RED: {failure}" for failure in self.failures()]
        told.append(
            f"{'ok' if not self.failures() else 'RED'}: peak RSS {_mb(self.peak)}, longest block"
            f" {self.longest_block:.2f} s ({self.blocks} over {LONGEST_BLOCK_SECONDS:g} s),"
            f" longest turn {self.longest_turn or 0.0:.2f} s,"
            f" {self.loops} loops, {self.kills} kills ({self.kills_in_flight} with slices in flight),"
            f" {len(self.ends)} other ends, {self.poisoned} poisoned records, {report.lost} lost,"
            f" {report.wrong_rows} wrong rows, {report.unexplained} unexplained, in {self.seconds:.0f} s"
        )
        return told


def _mb(size: int) -> str:
    return f"{size / 1e6:.0f} MB"
