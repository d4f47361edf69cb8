"""Compares this checkout's worker with that of another commit: CPU seconds an event, and what both wrote."""

import json
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from app.settings import Settings
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.full import measured_worker, records_of
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.peers.outputs import Outputs, difference, written_events, written_rows
from tests.tools.bench.processes import ROOT, BenchFailed

_EVENTS: Final = 200_000
_WARM_UP: Final = 20_000
# What two runs on topics of their own cannot have in common.
_OF_THE_RUN: Final = ("origin", "recordedtime")


def run_against(options: BenchOptions) -> Report:
    """Measures both workers in turn, and returns their events a CPU second and the ratio of each round.

    Raises BenchFailed if git does not know the commit, or if the two did not write the same.
    """
    count, warm_up = options.scaled(_EVENTS), options.scaled(_WARM_UP)
    report = Report(caveats=[_CAVEAT])
    with _checkout(options.against) as other:
        for users in options.users:
            records = records_of(warm_up + count, users)
            ours, theirs = list[float](), list[float]()
            for number in range(options.rounds):
                sides = [(ROOT, ours), (other, theirs)]
                written = []
                for root, speeds in sides if number % 2 == 0 else reversed(sides):
                    speed, _, settings = measured_worker(options, records, warm_up, users, root)
                    speeds.append(speed)
                    written.append(_written(settings))
                if problem := difference(*written):
                    raise BenchFailed(
                        f"this checkout and {options.against} did not write the same: {problem}"
                    )
            ratios = [mine / other for mine, other in zip(ours, theirs, strict=True)]
            name = f"{users:,} users"
            report.figures += [
                Figure("against", f"this checkout, {name}", "events/CPU s", ours),
                Figure("against", f"{options.against}, {name}", "events/CPU s", theirs),
                Figure("against", f"this checkout to {options.against}, {name}", "times", ratios),
            ]
    return report


_CAVEAT: Final = (
    "against: the same records on topics of each run's own, the order of the two sides changes with each"
    " round. The canonical events (without origin and recordedtime) and the last rows of both are equal."
)


@contextmanager
def _checkout(commit: str) -> Iterator[Path]:
    """Gives a folder with the files of the commit."""
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        root = Path(folder, "tree")
        _git("worktree", "add", "--detach", str(root), commit)
        try:
            yield root
        finally:
            _git("worktree", "remove", "--force", str(root))


def _git(*arguments: str) -> None:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        raise BenchFailed(f"git {arguments[0]} {arguments[1]}: {done.stderr.strip()}")


def _written(settings: Settings) -> Outputs:
    return Outputs(
        written_events(settings.broker_url, settings.topic_events, of_any_run),
        written_rows(settings.broker_url, settings.changelogs),
    )


def of_any_run(value: bytes) -> bytes:
    """Returns what of a canonical event every run writes alike."""
    event: dict[str, Any] = json.loads(value)
    return json.dumps({name: each for name, each in event.items() if name not in _OF_THE_RUN}).encode()
