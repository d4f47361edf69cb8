"""Measures how long a vendor's record takes to become a canonical event and the rows of its user, at several
shares of what the workers can handle."""

import itertools
import math
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager
from statistics import median
from typing import Final, NamedTuple

from msgspec.structs import replace

from app.embedded_kafka.properties import free_ports
from app.settings import Settings
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.load import delete_topics
from tests.tools.bench.machine import Machine
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.probe_loop import ProbeLoop
from tests.tools.bench.rows import publish_rows
from tests.tools.bench.samples import A_SECOND, Latencies, Paced, paced_records
from tests.tools.bench.scale import Workers
from tests.tools.bench.worker import fresh_settings, rollcall

LINGERS: Final[Sequence[float]] = ()
SHARES: Final[Sequence[float]] = (10, 50, 80)
SECONDS: Final = 20.0

_WORKERS: Final = 2
_PARTITIONS: Final = 6
_USERS: Final = 5_000
_WARM_UP: Final = 20_000
_BACKLOG: Final = 200_000
_BACKLOG_KEPT: Final = 40_000
"""So many records wait while the capacity is measured. The workers have slices of thousands then."""
_SAMPLED_BACKLOG: Final = 100
"""Every so many records of the backlog is a sample, which says how far the workers are."""
_SETTLE_SECONDS: Final = 3.0
"""How long each load lasts before its latencies count: the share before had slices of another size."""
_PERCENTILES: Final = {"p50": 0.5, "p99": 0.99, "p99.9": 0.999}
_GOALS: Final[dict[tuple[float, str, str], str]] = {(50, "rows", "p99"): "under 150"}

_CAVEATS: Final = (
    (
        "latency: two workers, six partitions a topic, SelfCommunity's updates and scores of 5,000 users. It"
        " begins when a record is due by the schedule of the load, and ends when a consumer has its event, or"
        " the last of the rows that it changes. Up to 500 records a second are samples, each with a user of"
        " its own; all users have rows before."
    ),
    (
        "latency: the capacity is how fast a backlog is worked off while the load and the reader run; slices"
        " are larger then, and a record costs less. CPU is that of both workers. Nothing is pinned to a core:"
        " one that is busy with other programs would hold up what is pinned to it for seconds. The load's"
        " producer has a linger of 5 ms, which counts."
    ),
    (
        "latency: idle and others are shares of the time of all cores: unused, and used by programs that have"
        " no part in the bench. If others have much, the latencies are those of a busy machine."
    ),
)


class Load(NamedTuple):
    """One point: the linger in milliseconds, None for the worker's own, and the load in percent of the
    capacity."""

    linger: float | None
    percent: float

    @property
    def prefix(self) -> str:
        """The first part of the names of its figures in the last line."""
        return f"{prefix_of(self.linger)}/{self.percent:g}"

    @property
    def title(self) -> str:
        return f"{title_of(self.linger)}{self.percent:g} %"


class Measurement(NamedTuple):
    """What was measured of one load. `cpu`: microseconds of both workers a record."""

    latencies: Latencies
    cpu: float
    idle: float
    others: float


def prefix_of(linger: float | None) -> str:
    return "latency" if linger is None else f"latency/linger-{linger:g}"


def title_of(linger: float | None) -> str:
    return "" if linger is None else f"linger {linger:g} ms, "


def run_latency(options: BenchOptions) -> Report:
    """Measures all loads in each round, those of a linger one after the other on the same workers."""
    capacities: dict[float | None, list[float]] = {}
    found: dict[Load, list[Measurement]] = {}
    for number in range(1, options.rounds + 1):
        for linger in options.lingers or (None,):
            with _Bench.running(options, linger) as bench:
                capacity = bench.capacity()
                capacities.setdefault(linger, []).append(capacity)
                _say(f"round {number}: {title_of(linger)}capacity {capacity:,.0f} records/s")
                for percent in options.shares:
                    load = Load(linger, percent)
                    measured = bench.measure(capacity * percent / 100)
                    found.setdefault(load, []).append(measured)
                    _say(f"round {number}: {load.title}: {told(measured)}")
    return report_of(capacities, found)


class _Bench:
    """Two running workers, and all that they have to do."""

    def __init__(self, options: BenchOptions, settings: Settings, workers: Workers) -> None:
        self._options = options
        self._settings = settings
        self._workers = workers
        self._source = settings.topic_of("selfcommunity")
        # The first numbers have the times of the rows that are there before.
        self._sent = 1_000
        self._sampled = itertools.count(_USERS)

    @classmethod
    @contextmanager
    def running(cls, options: BenchOptions, linger: float | None) -> Iterator["_Bench"]:
        settings = fresh_settings(options.broker, _PARTITIONS)
        samples = round(A_SECOND * (options.seconds + _SETTLE_SECONDS)) * len(options.shares)
        samples += (options.scaled(_WARM_UP) + options.scaled(_BACKLOG)) // _SAMPLED_BACKLOG + 1
        try:
            publish_rows(options.broker, settings.changelogs, _USERS + samples, _PARTITIONS)
            with ExitStack() as stack:
                workers = [
                    stack.enter_context(
                        rollcall(
                            replace(settings, http_port=port), options.core, arguments=_arguments(linger)
                        )
                    )
                    for port in free_ports(_WORKERS)
                ]
                yield cls(options, settings, Workers(workers))
        finally:
            outputs = [settings.topic_events, settings.topic_dead_letter, *settings.changelogs]
            delete_topics(options.broker, [*settings.topic_vendors.values(), *outputs])

    def capacity(self) -> float:
        """Returns the records a second that become events and rows while there is a backlog. The same load
        and reader run as for the latencies."""
        count = self._options.scaled(_WARM_UP) + self._options.scaled(_BACKLOG)
        with closing(self._loop()) as loop:
            return loop.work_off(self._records(count, _SAMPLED_BACKLOG), _SAMPLED_BACKLOG, _BACKLOG_KEPT)

    def measure(self, rate: float) -> Measurement:
        count = round(rate * (self._options.seconds + _SETTLE_SECONDS))
        records = self._records(count, max(2, -(-round(rate) // A_SECOND)))
        with closing(self._loop()) as loop:
            machine, cpu = Machine(), self._workers.cpu_seconds()
            latencies = loop.run(records, rate, _SETTLE_SECONDS)
            use, cpu = machine.use(), self._workers.cpu_seconds() - cpu
        return Measurement(latencies, cpu / count * 1e6, use.idle, use.others)

    def _records(self, count: int, every: int) -> list[Paced]:
        """Returns the next records, of which every so many is a sample."""
        records = paced_records(self._sent, count, _USERS, every, self._sampled)
        self._sent += count
        return records

    def _loop(self) -> ProbeLoop:
        settings = self._settings
        return ProbeLoop(self._options.broker, self._source, settings.topic_events, settings.changelogs)


def _arguments(linger: float | None) -> Sequence[str]:
    if linger is None:
        return ("-m", "app", "worker")
    return ("-m", "tests.tools.bench.lingering", f"{linger:g}")


def told(measured: Measurement) -> str:
    """Returns what was measured of a load, in one line for people."""
    events, rows = (
        " / ".join(f"{milliseconds:.0f}" for milliseconds in _percentiles(measured, to).values())
        for to in Latencies._fields
    )
    return (
        f"{' / '.join(_PERCENTILES)} to the event {events} ms, to the rows {rows} ms;"
        f" {measured.cpu:.0f} us of CPU a record;"
        f" idle {measured.idle:.0%}, others {measured.others:.0%}"
    )


def _percentiles(measured: Measurement, to: str) -> dict[str, float]:
    """Returns them in milliseconds; `nan` if no sample counts."""
    histogram = getattr(measured.latencies, to)
    return {name: (histogram.percentile(share) or math.nan) * 1000 for name, share in _PERCENTILES.items()}


def report_of(
    capacities: Mapping[float | None, Sequence[float]], found: Mapping[Load, Sequence[Measurement]]
) -> Report:
    """Returns the figures of all rounds. The last line has the medians: `latency/50/rows/p99 41.20`, in
    milliseconds."""
    report, line = Report(caveats=list(_CAVEATS)), list[str]()

    def add(name: str, title: str, unit: str, values: Sequence[float], goal: str = "") -> None:
        report.figures.append(Figure("latency", title, unit, values, goal))
        line.append(f"{name} {median(values):.2f}")

    for linger, values in capacities.items():
        add(f"{prefix_of(linger)}/capacity", f"{title_of(linger)}capacity", "records/s", values)
    for load, rounds in found.items():
        for to, name in itertools.product(Latencies._fields, _PERCENTILES):
            times = [_percentiles(each, to)[name] for each in rounds]
            goal = _GOALS.get((load.percent, to, name), "")
            add(f"{load.prefix}/{to}/{name}", f"{load.title}: to the {to}, {name}", "ms", times, goal)
        for what, unit in (("cpu", "us/record"), ("idle", "share"), ("others", "share")):
            add(f"{load.prefix}/{what}", f"{load.title}: {what}", unit, [getattr(it, what) for it in rounds])
    report.summary = " ".join(line)
    return report


def _say(line: str) -> None:
    print(f"latency, {line}", file=sys.stderr, flush=True)
