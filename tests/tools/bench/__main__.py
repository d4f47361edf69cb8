"""`python -m tests.tools.bench [name...]`: runs the benches, and prints their figures in one table.

All of them run on one broker: the one that BROKER_URL names, or else an embedded one.
"""

import argparse
import math
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from pathlib import Path
from typing import Final

from rich.console import Console

from app.embedded_kafka import EmbeddedKafkaError
from tests.broker import any_broker
from tests.tools.bench.against import run_against
from tests.tools.bench.commands import run_convert, run_fold
from tests.tools.bench.figures import Report, show
from tests.tools.bench.full import run_full
from tests.tools.bench.latency import SECONDS, SHARES, run_latency
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.processes import BenchFailed, reserve_core
from tests.tools.bench.restore import run_restore
from tests.tools.bench.scale import CURVES, run_scale
from tests.tools.bench.watched import run_watched

ON_BROKER: Final[dict[str, Callable[[BenchOptions], Report]]] = {
    "full": run_full,
    "restore": run_restore,
    "scale": run_scale,
    "against": run_against,
    "latency": run_latency,
    "watched": run_watched,
}
_WIDTH: Final = 120
_PICTURES: Final = Path("build/bench")
# These run only if they are named: one takes a commit, the others long.
_ON_DEMAND: Final = ("against", "scale", "latency", "watched")
BENCHES: Final = {**ON_BROKER, "convert": run_convert, "fold": run_fold}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench", description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"{', '.join(BENCHES)}; default: all but {', '.join(_ON_DEMAND)}",
    )
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full numbers of records (1)")
    parser.add_argument(
        "--users", type=int, action="append", help="of the bench full (5000); may be given more than once"
    )
    parser.add_argument(
        "--versions", type=int, default=1, help="of a row, for the bench restore; compared with one (1)"
    )
    parser.add_argument(
        "--linger",
        type=_numbers,
        default=(),
        metavar="MS,MS",
        help="of the workers of the bench latency, in milliseconds; default: that of the worker as it is",
    )
    parser.add_argument(
        "--shares",
        type=_numbers,
        default=SHARES,
        metavar="PERCENT,...",
        help="of the capacity, for the bench latency (10,50,80)",
    )
    parser.add_argument(
        "--seconds", type=_number, default=SECONDS, help="how long each of these loads lasts (%(default)g)"
    )
    parser.add_argument("--against", default="", metavar="COMMIT", help="compare this checkout with a commit")
    for curve, sizes in CURVES.items():
        parser.add_argument(
            f"--{curve}",
            type=_sizes,
            default=sizes,
            metavar="N,N",
            help=f"of the bench scale ({','.join(map(str, sizes))}); 0: not measured",
        )
    asked = parser.parse_args(arguments)
    names = asked.names or (
        ["against"] if asked.against else [name for name in BENCHES if name not in _ON_DEMAND]
    )
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}")
    if "against" in names and not asked.against:
        parser.error("the bench against needs --against COMMIT")
    if "latency" in names and len(names) > 1:
        parser.error("the bench latency runs alone: it leaves all cores to all processes")
    core = None if "latency" in names else reserve_core()
    on_broker = any(name in ON_BROKER for name in names)
    reports = []
    try:
        with any_broker() if on_broker else nullcontext("") as broker:
            options = BenchOptions(
                rounds=asked.rounds,
                scale=asked.scale,
                users=tuple(asked.users or (5_000,)),
                versions=asked.versions,
                core=core,
                broker=broker,
                sizes={curve: getattr(asked, curve) for curve in CURVES},
                lingers=asked.linger,
                shares=asked.shares,
                seconds=asked.seconds,
                against=asked.against,
            )
            for name in names:
                _say(f"{name}: {asked.rounds} rounds")
                reports.append(BENCHES[name](options))
    except (BenchFailed, EmbeddedKafkaError) as error:
        _say(str(error))
        return 1
    console = Console()
    # A wide table, so that nothing is cut in a file or a pipe.
    show(console if console.is_terminal else Console(width=_WIDTH), reports)
    for name, report in zip(names, reports, strict=True):
        if report.picture:
            _PICTURES.mkdir(parents=True, exist_ok=True)
            Path(_PICTURES, f"{name}.svg").write_text(report.picture)
    return 0


def _sizes(text: str) -> Sequence[int]:
    """Returns the sizes; none if there is nothing to measure. Raises ValueError if one is no number."""
    return [size for size in map(int, text.split(",")) if size > 0]


def _numbers(text: str) -> Sequence[float]:
    """Raises ValueError if one is no number above 0."""
    return [_number(each) for each in text.split(",")]


def _number(text: str) -> float:
    number = float(text)
    if not 0 < number < math.inf:
        raise ValueError(text)
    return number


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
