"""Measures once a second the workers' memory, their open files, and how far behind they are."""

import time
from collections.abc import Callable

import psutil  # type: ignore[import-untyped]
from msgspec import Struct

from tests.tools.faults.pods import Pod
from tests.tools.faults.stage import Stage
from tests.tools.soak.latency import Histogram
from tests.tools.soak.reader import Reader

_LINE_SECONDS = 10


class Usage(Struct):
    resident: float
    """In MB of 1,000,000 bytes."""
    files: int


class Sample(Struct):
    minute: float
    """Minutes since the start of the load."""
    lag: float | None
    """In seconds: the uncommitted records and events divided by the rate of the load, which is about the age
    of the oldest record that is not yet in the tables. None if no broker answered."""
    workers: dict[str, Usage]
    """A worker whose process has just ended is left out."""


class Sampler:
    """Adds a sample a second to `samples`, which may be replaced by another list. Calls `say` with a line
    every ten seconds."""

    def __init__(self, stage: Stage, reader: Reader, rate: int, say: Callable[[str], None]) -> None:
        self.samples: list[Sample] = []
        self._stage = stage
        self._reader = reader
        self._rate = rate
        self._say = say
        self._began = time.monotonic()
        self._second = 0
        self._next_line = _LINE_SECONDS
        self._line = (self._began, stage.load.published)

    def step(self) -> None:
        """Waits until the next full second since the start, and takes a sample."""
        now = time.monotonic()
        self._second = max(self._second + 1, int(now - self._began))
        time.sleep(max(self._began + self._second - now, 0))
        sample = self._look()
        self.samples.append(sample)
        if self._second >= self._next_line:
            self._next_line += _LINE_SECONDS
            self._say(self._told(sample))

    def _look(self) -> Sample:
        seen = self._stage.watch.look()
        return Sample(
            minute=(time.monotonic() - self._began) / 60,
            lag=seen.lag() / self._rate if seen else None,
            workers={pod.name: usage for pod in self._stage.pods if (usage := _usage(pod))},
        )

    def _told(self, sample: Sample) -> str:
        now, published = time.monotonic(), self._stage.load.published
        rate = (published - self._line[1]) / (now - self._line[0])
        self._line = (now, published)
        recent, self._reader.recent = self._reader.recent, Histogram()
        p50, p99 = (_seconds(recent.percentile(share)) for share in (0.5, 0.99))
        workers = sample.workers.values()
        return (
            f"minute {sample.minute:6.1f}  {rate:7,.0f}/s  lag {_seconds(sample.lag)}  p50 {p50}  p99 {p99}"
            f"  RSS {' '.join(f'{each.resident:.1f}' for each in workers)} MB"
            f"  open files {' '.join(str(each.files) for each in workers)}"
        )


def _usage(pod: Pod) -> Usage | None:
    try:
        process = psutil.Process(pod.pid)
        resident, files = process.memory_info().rss, process.num_fds()
    except psutil.Error:
        return None
    # A process that has just been killed may still be listed, without any memory.
    return Usage(resident / 1e6, files) if resident else None


def _seconds(value: float | None) -> str:
    return "     -" if value is None else f"{value:4.2f} s"
