"""The options of all benches."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchOptions:
    rounds: int
    scale: float
    """Share of the full numbers of records; below 1 the figures are for a first look only."""
    users: tuple[int, ...]
    """The numbers of users to run the bench `full` with."""
    versions: int
    """How many versions of a row the bench `restore` compares with one."""
    core: int | None
    """The core that measured processes are pinned to; None for no pinning."""
    broker: str
    """Bootstrap servers; empty for benches that need no broker."""
    sizes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    """The sizes of each curve of the bench `scale`."""
    lingers: Sequence[float] = ()
    """The lingers of the workers that the bench `latency` compares, in milliseconds; none: that of the worker
    as it is."""
    shares: Sequence[float] = ()
    """The loads of the bench `latency`, in percent of the capacity."""
    seconds: float = 0.0
    """How long each of these loads lasts."""
    against: str = ""
    """The commit that the bench `against` compares this checkout with."""

    def scaled(self, count: int) -> int:
        return max(1_000, round(count * self.scale))
