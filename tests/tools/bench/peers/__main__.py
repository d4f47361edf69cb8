"""`python -m tests.tools.bench.peers`: Rollcall's worker beside its peers, on the same records of one broker.

Prints a table, and in its last line every ratio: how many times Rollcall's CPU time an event a peer takes,
and how many times the least that its work can cost Rollcall takes.
"""

import argparse
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from app.embedded_kafka import EmbeddedKafkaError
from app.settings import Settings
from tests.broker import any_broker
from tests.tools.bench.peers.job import Shape
from tests.tools.bench.peers.measurement import (
    LEAST_EVENTS,
    USUAL,
    Measurement,
    Summary,
    caveats,
    last_line,
    line_of_ratios,
    line_of_run,
    peer_ratios,
    summaries,
)
from tests.tools.bench.peers.own_ratios import own_ratios
from tests.tools.bench.peers.plot import svg
from tests.tools.bench.peers.run import Course, filled, measure
from tests.tools.bench.peers.system import System
from tests.tools.bench.peers.systems import SYSTEMS
from tests.tools.bench.peers.table import table_of
from tests.tools.bench.peers.workloads import WORKLOADS, Workload
from tests.tools.bench.processes import BenchFailed, reserve_core

_SHAPES: tuple[Shape, ...] = ("map", "full")
_WIDTH = 150
_TITLES = {system.name: system.title for system in SYSTEMS}


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    workloads = [WORKLOADS[name] for name in _chosen(asked.workload, WORKLOADS)]
    names = _chosen(asked.only, _TITLES)
    core = reserve_core()
    systems = [system for system in SYSTEMS if system.name in names and not _lacks(system)]
    # Before there is a broker, which takes CPU, or a client, whose threads count as this process.
    own = own_ratios()
    runs: list[Measurement] = []
    asked.out.mkdir(parents=True, exist_ok=True)
    # Each run is written when it ends: what hours have measured survives what ends this process.
    with Path(asked.out, "peers.jsonl").open("wb", buffering=0) as lines:
        try:
            with any_broker() as broker:
                for workload in workloads:
                    for run in _measured(asked, workload, systems, broker, core):
                        lines.write(line_of_run(run))
                        runs.append(run)
        except (BenchFailed, EmbeddedKafkaError) as error:
            _say(str(error))
            return 1
        found = summaries(runs)
        ratios = {**peer_ratios(found), **own}
        lines.write(line_of_ratios(ratios))
    if found:
        Path(asked.out, "peers.svg").write_text(svg(found, _TITLES))
    _show(found, runs)
    print(last_line(ratios))
    return 0


def _show(found: Sequence[Summary], runs: Sequence[Measurement]) -> None:
    console = Console()
    # A wide table, so that nothing is cut in a file or a pipe.
    (console if console.is_terminal else Console(width=_WIDTH)).print(table_of(found, _TITLES))
    for caveat in caveats(runs):
        print(f"- {caveat}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.peers", description=__doc__)
    parser.add_argument(
        "--workload", default=USUAL, metavar="NAMES", help=f"of {','.join(WORKLOADS)}, or all ({USUAL})"
    )
    parser.add_argument(
        "--only", default="all", metavar="NAMES", help=f"of {','.join(_TITLES)}; default: all"
    )
    parser.add_argument("--shapes", default=",".join(_SHAPES), help="map, full or map,full (the default)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--events", type=int, default=LEAST_EVENTS, help="records after the warm-up (500000)")
    parser.add_argument("--warm-up", type=int, default=50_000, help="records before them (50000)")
    parser.add_argument("--users", type=int, default=0, help="of how many users; default: the workload's own")
    parser.add_argument("--out", type=Path, default=Path("build/peers"), help="folder (build/peers)")
    return parser


def _chosen(asked: str, known: Iterable[str]) -> list[str]:
    names = list(known) if asked == "all" else asked.split(",")
    if unknown := [name for name in names if name not in known]:
        _parser().error(f"unknown: {', '.join(unknown)}; known: {', '.join(known)}")
    return names


def _lacks(system: System) -> bool:
    if missing := system.missing():
        _say(f"{system.name}: skipped, {missing}")
    return bool(missing)


def _measured(
    asked: argparse.Namespace, workload: Workload, systems: Sequence[System], broker: str, core: int | None
) -> Iterator[Measurement]:
    able = [system for system in systems if set(workload.vendors) <= set(system.vendors)]
    for system in systems:
        if system not in able:
            _say(f"{workload.name}/{system.name}: skipped, it only maps {', '.join(system.vendors)}")
    with _course(asked, workload, broker) as course:
        for shape in (shape for shape in _SHAPES if shape in asked.shapes.split(",")):
            takers = [system for system in able if shape in system.shapes]
            expected = course.expected(shape)
            for number in range(1, asked.rounds + 1):
                # Each round begins with the next system, so that a drift of the machine affects all of them.
                first = (number - 1) % max(len(takers), 1)
                for system in (*takers[first:], *takers[:first]):
                    run = measure(system, course, shape, number, expected, core)
                    _say(f"{run.name}, round {number}: {_told(run)}")
                    yield run


@contextmanager
def _course(asked: argparse.Namespace, workload: Workload, broker: str) -> Iterator[Course]:
    _say(f"{workload.name}: {workload.title}")
    partitions = Settings().partitions_events
    course = filled(broker, partitions, workload, asked.users, asked.warm_up, asked.events)
    try:
        yield course
    finally:
        course.delete_topics()


def _told(run: Measurement) -> str:
    if not run.counts:
        return run.problem
    return f"{run.cpu_micros:.1f} us of CPU an event, {run.wall_seconds:.1f} s"


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
