"""What all benches are told."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    rounds: int
    scale: float
    """Share of the full numbers of records; below 1 the figures are for a first look only."""
    users: tuple[int, ...]
    """The numbers of users to run the bench `lane` with."""
    core: int | None
    """Where measured processes run; None = anywhere."""
    broker: str
    """Bootstrap servers; empty for benches that need none."""

    def scaled(self, count: int) -> int:
        return max(1_000, round(count * self.scale))
