"""The kills in the second half."""

import itertools
import time
from collections.abc import Callable, Sequence

from msgspec import Struct

from tests.tools.faults.pods import Reading
from tests.tools.faults.stage import Stage
from tests.tools.soak.trend import slope

_EVERY_SECONDS = 30.0


class Kill(Struct):
    """A kill and what followed. Times are seconds since the kill."""

    ready: float
    """Until all workers were ready again."""
    caught_up: float
    """Until everything was committed that was there when all workers were ready again."""
    reading: float = 0.0
    """How much of `ready` a worker read changelogs for: that of the worker that read for longest."""
    records: int = 0
    """The changelog records that this worker read."""

    @property
    def rest(self) -> float:
        """What is left of `ready`: the end of a session, the group's rebalance and the start of a process."""
        return self.ready - self.reading


def read_by(workers: Sequence[Sequence[Reading]]) -> Reading:
    """Returns the readings of the worker that read for longest, as one. Workers read side by side, and each
    reads one time after the other."""
    each = [Reading(sum(it.records for it in of), sum(it.seconds for it in of)) for of in workers]
    return max(each, key=lambda it: it.seconds, default=Reading(0, 0.0))


def growth(values: Sequence[float]) -> float | None:
    """Returns by how much the line through the values rises from the first to the last. None if there are
    less than two."""
    rise = slope(list(enumerate(values)))
    return None if rise is None else rise * (len(values) - 1)


def kill_in_turn(stage: Stage, until: float, say: Callable[[str], None]) -> list[Kill]:
    """Kills one worker after the other until that time of the monotonic clock. Each kill waits until work is
    left, and until the workers are ready and have caught up after the last one, so that a long restore does
    not hide the next kill."""
    kills: list[Kill] = []
    victims = itertools.cycle(stage.pods)
    while (began := time.monotonic()) < until:
        stage.work_left()
        before = [len(pod.readings()) for pod in stage.pods]
        killed = time.monotonic()
        next(victims).kill()
        stage.wait_ready()
        ready = time.monotonic() - killed
        read = read_by([pod.readings()[seen:] for pod, seen in zip(stage.pods, before, strict=True)])
        stage.recovered()
        caught_up = time.monotonic() - killed
        kills.append(Kill(ready, caught_up, read.seconds, read.records))
        say(f"kill {len(kills)}: {told(kills[-1])}; all caught up after {caught_up:.1f} s")
        time.sleep(max(min(began + _EVERY_SECONDS, until) - time.monotonic(), 0))
    return kills


def told(kill: Kill) -> str:
    """Returns the parts of the time until all were ready, in seconds."""
    return (
        f"all ready after {kill.ready:.2f} s: {kill.reading:.2f} s to read {kill.records:,} records,"
        f" and {kill.rest:.2f} s"
    )
