"""`python -m tests.bench [name...]`: run the benches, and print their figures in one table.

On one broker: the embedded one, or the one that BROKER_URL names.
"""

import argparse
import sys
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from typing import Final

from rich.console import Console

from app.embedded_kafka import EmbeddedKafkaError
from tests.bench.commands import run_convert, run_fold
from tests.bench.figures import Report, show
from tests.bench.lane import run_lane
from tests.bench.options import BenchOptions
from tests.bench.processes import BenchFailed, reserve_core
from tests.bench.recovery import run_recovery
from tests.broker import any_broker

ON_BROKER: Final[dict[str, Callable[[BenchOptions], Report]]] = {"lane": run_lane, "recovery": run_recovery}
_WIDTH: Final = 120
BENCHES: Final = {**ON_BROKER, "convert": run_convert, "fold": run_fold}


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="name", help=f"{', '.join(BENCHES)}; default: all")
    parser.add_argument("--rounds", type=int, default=3, help="how often everything is measured (3)")
    parser.add_argument("--scale", type=float, default=1.0, help="share of the full numbers of records (1)")
    parser.add_argument(
        "--users", type=int, action="append", help="of the bench lane (5000); may be given more than once"
    )
    asked = parser.parse_args(arguments)
    names = asked.names or list(BENCHES)
    if unknown := [name for name in names if name not in BENCHES]:
        parser.error(f"no such bench: {', '.join(unknown)}")
    core = reserve_core()
    on_broker = any(name in ON_BROKER for name in names)
    reports = []
    try:
        with any_broker() if on_broker else nullcontext("") as broker:
            options = BenchOptions(
                rounds=asked.rounds,
                scale=asked.scale,
                users=tuple(asked.users or (5_000,)),
                core=core,
                broker=broker,
            )
            for name in names:
                _say(f"{name}: {asked.rounds} rounds")
                reports.append(BENCHES[name](options))
    except (BenchFailed, EmbeddedKafkaError) as error:
        _say(str(error))
        return 1
    console = Console()
    # Not cut where nobody looks at it live.
    show(console if console.is_terminal else Console(width=_WIDTH), reports)
    return 0


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
