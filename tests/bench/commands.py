"""The commands `rollcall convert` and `rollcall fold` themselves: a file in, what comes out is dropped."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from app.canonical import encode_event
from app.cli.convert import Line
from app.outcome import Emit
from app.vendors import VENDORS, Options, convert
from tests.bench.bodies import bodies, updates_and_scores
from tests.bench.figures import Figure, Report
from tests.bench.options import BenchOptions
from tests.bench.processes import run_to_end

_BODIES: Final = 200_000
_EVENTS: Final = 100_000
# A year after the first event: an event may not be a day newer than its record.
_RECORDED_MS: Final = 1_735_689_600_000
_NOTHING: Final = Path("/dev/null")


def run_convert(options: BenchOptions) -> Report:
    """Bodies a second of each vendor, and how long an empty run takes."""
    count = options.scaled(_BODIES)
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        files = {vendor: Path(folder, vendor) for vendor in VENDORS}
        for vendor, file in files.items():
            _write(file, bodies(vendor, count))
        seconds: dict[str, list[float]] = {vendor: [] for vendor in files}
        starts: list[float] = []
        for _ in range(options.rounds):
            for vendor, file in files.items():
                idle = _run(_NOTHING, options, "convert", "--vendor", vendor)
                starts.append(idle[0])
                busy = _run(file, options, "convert", "--vendor", vendor)
                seconds[vendor].append(busy[1] - idle[1])
        sizes = {vendor: file.stat().st_size // count for vendor, file in files.items()}
    figures = [
        Figure(
            "convert", f"{vendor}, {sizes[vendor]:,} bytes each", "bodies/s", _rates(count, spent), "60,000"
        )
        for vendor, spent in seconds.items()
    ]
    figures.append(Figure("convert", "start and end without a body", "s wall", starts, "under 0.5"))
    return Report(
        figures,
        [
            (
                f"convert: {count:,} bodies by CPU second of the process, less those of a run without any;"
                " the output goes to the null device, so writing it to a disk is not in it."
            )
        ],
    )


def run_fold(options: BenchOptions) -> Report:
    """Canonical events a second, folded into rows and written out."""
    count = options.scaled(_EVENTS)
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        file = Path(folder, "events")
        _write(file, _events(count))
        spent = []
        for _ in range(options.rounds):
            idle = _run(_NOTHING, options, "fold")
            spent.append(_run(file, options, "fold")[1] - idle[1])
    return Report(
        [Figure("fold", "profiles and scores of 5,000 users", "events/s", _rates(count, spent))],
        [f"fold: {count:,} events by CPU second of the process, less those of a run without any."],
    )


def _run(file: Path, options: BenchOptions, *arguments: str) -> tuple[float, float]:
    with file.open("rb") as source:
        return run_to_end(["-m", "app", *arguments], source, options.core)


def _rates(count: int, seconds: list[float]) -> list[float]:
    return [count / each for each in seconds]


def _events(count: int) -> Iterator[bytes]:
    vendor, options = VENDORS["selfcommunity"], Options()
    for offset, body in enumerate(updates_and_scores(count)):
        outcome = convert(vendor, Line(offset, _RECORDED_MS, [], body), "bench/0", options)
        if isinstance(outcome, Emit):
            yield from map(encode_event, outcome.events)


def _write(file: Path, lines: Iterable[bytes]) -> None:
    with file.open("wb") as target:
        target.writelines(line + b"\n" for line in lines)
