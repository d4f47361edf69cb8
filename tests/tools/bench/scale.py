"""Measures how the CPU time of an event grows with workers, partitions, rows and vendors."""

import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, closing, contextmanager, nullcontext
from dataclasses import dataclass
from functools import cache
from typing import Final, NamedTuple

from msgspec.structs import replace

from app.embedded_kafka.properties import free_ports
from app.settings import Settings
from app.vendors import VENDORS
from tests.tools.bench.bars import Bar, Group, svg
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.full import Records, records_of, wait_worked_off
from tests.tools.bench.load import GroupProgress, delete_topics, publish_to
from tests.tools.bench.many_vendors import many_vendors
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.processes import Measured
from tests.tools.bench.rows import publish_rows
from tests.tools.bench.worker import fresh_settings, rollcall

_EVENTS: Final = 200_000
_WARM_UP: Final = 20_000

CURVES: Final[dict[str, Sequence[int]]] = {
    "workers": (1, 2, 4),
    "partitions": (6, 24, 96),
    "rows": (10_000, 100_000, 1_000_000),
    "vendors": (5, 20, 50),
}
"""What grows, and to which sizes."""

_CAVEATS: Final = (
    (
        "scale: SelfCommunity's updates and scores; CPU of all workers together, from idle to idle, on one"
        " core if the system can pin them. Unless it is what grows: 1 worker, 24 partitions and 5,000 users,"
        " who all have rows before."
    ),
    "scale: of few rows more are written once for several events of a slice, which saves CPU.",
    "scale, vendors: each has a topic of its own; all are copies of SelfCommunity, and no row exists before.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One point of a curve. `vendors`: so many copies; 0 for the vendors as they are."""

    curve: str
    size: int
    workers: int = 1
    partitions: int = 24
    rows: int = 5_000
    vendors: int = 0

    @property
    def name(self) -> str:
        return f"{self.size:,} {self.curve if self.size > 1 else self.curve.removesuffix('s')}"


class Workers(NamedTuple):
    """Some processes that are measured as one."""

    processes: Sequence[Measured]

    def cpu_seconds(self) -> float:
        return sum(process.cpu_seconds() for process in self.processes)

    def check(self) -> None:
        for process in self.processes:
            process.check()


def run_scale(options: BenchOptions) -> Report:
    """Measures all steps in each round, and returns the CPU microseconds an event of each."""
    steps = steps_of(options.sizes)
    micros: dict[Step, list[float]] = {step: [] for step in steps}
    for number in range(1, options.rounds + 1):
        for step in steps:
            micros[step].append(_micros(options, step))
            print(
                f"scale, round {number}: {step.name}: {micros[step][-1]:.1f} us of CPU an event",
                file=sys.stderr,
                flush=True,
            )
    figures = [Figure("scale", step.name, "us CPU/event", values) for step, values in micros.items()]
    return Report(figures, list(_CAVEATS), growth(micros), picture_of(micros))


def steps_of(sizes: Mapping[str, Sequence[int]]) -> list[Step]:
    """Returns the steps of all curves, each from its first size on."""
    return [
        Step(curve=curve, size=size, **{curve: size}) for curve in CURVES for size in sizes.get(curve, ())
    ]


def growth(micros: Mapping[Step, Sequence[float]]) -> str:
    """Returns the least time of each step as a multiple of that of the first step of its curve, in one line:
    `scale/workers/2 1.03 scale/workers/4 1.05`."""
    firsts: dict[str, float] = {}
    told = []
    for step, values in micros.items():
        if step.curve in firsts:
            told.append(f"scale/{step.curve}/{step.size} {min(values) / firsts[step.curve]:.2f}")
        else:
            firsts[step.curve] = min(values)
    return " ".join(told)


def picture_of(micros: Mapping[Step, Sequence[float]]) -> str:
    """Returns an SVG picture with a group of bars for each curve."""
    curves: dict[str, list[Bar]] = {}
    for step, values in micros.items():
        curves.setdefault(step.curve, []).append(Bar(step.name, values))
    return svg([Group(f"{curve}: microseconds of CPU an event", each) for curve, each in curves.items()])


def _micros(options: BenchOptions, step: Step) -> float:
    warm_up = options.scaled(_WARM_UP)
    records = _records(warm_up + options.scaled(_EVENTS), step.rows)
    with many_vendors(step.vendors) if step.vendors else nullcontext():
        settings = fresh_settings(options.broker, step.partitions)
        sources = [settings.topic_of(vendor) for vendor in VENDORS]
    used = sources if step.vendors else [settings.topic_of("selfcommunity")]
    stages = [used, [settings.topic_events]]
    try:
        if not step.vendors:
            publish_rows(options.broker, settings.changelogs, step.rows, step.partitions)
        with _workers(options, settings, step) as workers, closing(_progress(options, settings)) as progress:
            _publish(options, used, records[:warm_up])
            wait_worked_off(workers, progress, stages, warm_up)
            before = workers.cpu_seconds()
            _publish(options, used, records[warm_up:])
            wait_worked_off(workers, progress, stages, len(records))
            return (workers.cpu_seconds() - before) / (len(records) - warm_up) * 1e6
    finally:
        outputs = [settings.topic_events, settings.topic_dead_letter, *settings.changelogs]
        delete_topics(options.broker, [*sources, *outputs])


# The steps of all curves but one have the same users.
@cache
def _records(count: int, users: int) -> Records:
    return records_of(count, users)


def _progress(options: BenchOptions, settings: Settings) -> GroupProgress:
    return GroupProgress(options.broker, settings.app_id)


def _publish(options: BenchOptions, topics: Sequence[str], records: Records) -> None:
    """Sends all events of a user to one topic."""
    publish_to(options.broker, ((topics[int(key) % len(topics)], key, body) for key, body in records))


@contextmanager
def _workers(options: BenchOptions, settings: Settings, step: Step) -> Iterator[Workers]:
    arguments = ["-m", "app", "worker"]
    if step.vendors:
        arguments = ["-m", "tests.tools.bench.many_vendors", str(step.vendors)]
    with ExitStack() as stack:
        yield Workers(
            [
                stack.enter_context(
                    rollcall(replace(settings, http_port=port), options.core, arguments=arguments)
                )
                for port in free_ports(step.workers)
            ]
        )
