"""`python -m tests.tools.bench.peers`: Rollcall's worker beside its peers, on the same records of one broker.

Prints a table, and in its last line every ratio: how many times Rollcall's CPU time an event a peer takes.
"""

import argparse
import sys
import uuid
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from app.embedded_kafka import EmbeddedKafkaError
from app.settings import Settings
from tests.broker import any_broker
from tests.kafka import create_topics
from tests.tools.bench.full import records_of
from tests.tools.bench.load import publish
from tests.tools.bench.peers.job import Shape
from tests.tools.bench.peers.measurement import (
    LEAST_EVENTS,
    Measurement,
    Summary,
    caveats,
    json_lines,
    last_line,
    summaries,
)
from tests.tools.bench.peers.outputs import expected_outputs
from tests.tools.bench.peers.plot import svg
from tests.tools.bench.peers.run import Course, measure
from tests.tools.bench.peers.system import System
from tests.tools.bench.peers.systems import SYSTEMS
from tests.tools.bench.processes import BenchFailed, reserve_core

_SHAPES: tuple[Shape, ...] = ("map", "full")
_WIDTH = 140
_TITLES = {system.name: system.title for system in SYSTEMS}


def main(arguments: Sequence[str]) -> int:
    asked = _parser().parse_args(arguments)
    core = reserve_core()
    systems = [system for system in _chosen(asked.only) if not _lacks(system)]
    try:
        with any_broker() as broker:
            runs = _run(asked, systems, broker, core)
    except (BenchFailed, EmbeddedKafkaError) as error:
        _say(str(error))
        return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    Path(asked.out, "peers.jsonl").write_bytes(b"".join(json_lines(runs)))
    found = summaries(runs)
    if found:
        Path(asked.out, "peers.svg").write_text(svg(found, _TITLES))
    _show(found)
    for caveat in caveats(runs):
        print(f"- {caveat}")
    print(last_line(found))
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.peers", description=__doc__)
    parser.add_argument("--only", default="", metavar="NAMES", help=f"of {','.join(_TITLES)}; default: all")
    parser.add_argument("--shapes", default=",".join(_SHAPES), help="map, full or map,full (the default)")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--events", type=int, default=LEAST_EVENTS, help="records after the warm-up (500000)")
    parser.add_argument("--warm-up", type=int, default=50_000, help="records before them (50000)")
    parser.add_argument("--users", type=int, default=5_000, help="how many users the records are of (5000)")
    parser.add_argument("--out", type=Path, default=Path("build/peers"), help="folder (build/peers)")
    return parser


def _chosen(only: str) -> list[System]:
    names = only.split(",") if only else list(_TITLES)
    if unknown := [name for name in names if name not in _TITLES]:
        _parser().error(f"no such system: {', '.join(unknown)}")
    return [system for system in SYSTEMS if system.name in names]


def _lacks(system: System) -> bool:
    if missing := system.missing():
        _say(f"{system.name}: skipped, {missing}")
    return bool(missing)


def _run(
    asked: argparse.Namespace, systems: Sequence[System], broker: str, core: int | None
) -> list[Measurement]:
    course = _filled(asked, broker)
    runs = []
    for shape in (shape for shape in _SHAPES if shape in asked.shapes.split(",")):
        takers = [system for system in systems if shape in system.shapes]
        expected = expected_outputs(course.job(shape, "expected", course.source))
        for number in range(1, asked.rounds + 1):
            # Each round begins with the next system, so that a drift of the machine affects all of them.
            first = (number - 1) % max(len(takers), 1)
            for system in (*takers[first:], *takers[:first]):
                run = measure(system, course, shape, number, expected, core)
                _say(f"{shape}/{system.name}, round {number}: {_told(run)}")
                runs.append(run)
    return runs


def _filled(asked: argparse.Namespace, broker: str) -> Course:
    mark = uuid.uuid4().hex[:8]
    course = Course(
        broker=broker,
        partitions=Settings().partitions_events,
        warm_up_source=f"peers-{mark}-warm-up",
        source=f"peers-{mark}-bodies",
        warm_up=asked.warm_up,
        events=asked.events,
    )
    create_topics(broker, dict.fromkeys((course.warm_up_source, course.source), course.partitions))
    records = records_of(asked.warm_up + asked.events, asked.users)
    publish(broker, course.warm_up_source, records[: asked.warm_up])
    publish(broker, course.source, records)
    return course


def _told(run: Measurement) -> str:
    if not run.counts:
        return run.problem
    return f"{run.cpu_micros:.1f} us of CPU an event, {run.wall_seconds:.1f} s"


def _show(found: Sequence[Summary]) -> None:
    table = Table(title="Rollcall beside its peers", title_justify="left")
    for column in ("shape", "system"):
        table.add_column(column)
    for column in ("us of CPU an event, min", "all runs", "to Rollcall, in each round"):
        table.add_column(column, justify="right")
    table.add_column("wall s, median", justify="right")
    table.add_column("peak MB", justify="right")
    for each in found:
        table.add_row(
            each.shape,
            _TITLES[each.system],
            f"{each.least_cpu_micros:.1f}",
            " ".join(f"{run.cpu_micros:.1f}" for run in each.runs),
            " ".join(f"{ratio:.2f}" for ratio in each.ratios),
            f"{each.wall_seconds:.1f}",
            f"{each.peak_bytes / 1e6:,.0f}",
        )
    console = Console()
    # A wide table, so that nothing is cut in a file or a pipe.
    (console if console.is_terminal else Console(width=_WIDTH)).print(table)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
