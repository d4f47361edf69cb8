"""What the machine does while something is measured: a figure from a busy machine has to be seen as such."""

from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]


class Use(NamedTuple):
    """Shares of the time of all cores: idle, and taken by processes that neither measure nor are measured."""

    idle: float
    others: float


class Machine:
    """Measures from its creation on. The own processes are this one and all that it has started."""

    def __init__(self) -> None:
        self._began = psutil.cpu_times(), _own_seconds()

    def use(self) -> Use:
        """Returns the shares so far. None of the own processes may have ended meanwhile."""
        before, own_before = self._began
        now, own = psutil.cpu_times(), _own_seconds()
        idle = _idle(now) - _idle(before)
        whole = max(_whole(now) - _whole(before), 1e-9)
        return Use(idle / whole, max(1 - (idle + own - own_before) / whole, 0.0))


def _own_seconds() -> float:
    this = psutil.Process()
    times = [process.cpu_times() for process in (this, *this.children(recursive=True))]
    return float(sum(each.user + each.system for each in times))


def _idle(times: Any) -> float:
    return float(times.idle + getattr(times, "iowait", 0.0))


def _whole(times: Any) -> float:
    # Linux counts the time of guests in `user` and `nice` as well.
    return float(sum(times)) - getattr(times, "guest", 0.0) - getattr(times, "guest_nice", 0.0)
