"""Measures the commands `rollcall convert` and `rollcall fold`: they read a file, and their output is
dropped."""

import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from app.canonical import encode_event
from app.cli.convert import Line
from app.outcome import Emit
from app.vendors import VENDORS, Options, convert
from tests.tools.bench.bodies import MIXES, bodies, updates_and_scores
from tests.tools.bench.convert_ratio import RATIO_BODIES, RECORDED_MS, ROUNDS, ratio_to_floor
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.fold_ratios import measure
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.processes import run_to_end

_BODIES: Final = 200_000
_EVENTS: Final = 100_000
_NOTHING: Final = Path("/dev/null")


def run_convert(options: BenchOptions) -> Report:
    """Measures the bodies a second of each vendor, and how long a run without bodies takes."""
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
    ratios = {vendor: ratio_to_floor(vendor) for vendor in VENDORS}
    return Report(
        figures,
        [
            (
                f"convert: {count:,} bodies by the CPU seconds of the process, minus those of a run without"
                " bodies; the output goes to the null device, so writing to a disk is not included."
            ),
            (
                "convert/floor: the CPU time of convert, as a multiple of that of decoding the bodies to"
                f" dictionaries and encoding these; {RATIO_BODIES:,} bodies, in one process by turns, the"
                f" least of {ROUNDS} rounds"
            ),
        ],
        "convert/floor " + " ".join(f"{vendor} {ratio:.1f}" for vendor, ratio in ratios.items()),
    )


def run_fold(options: BenchOptions) -> Report:
    """Measures the canonical events a second that are folded into rows and written."""
    count = options.scaled(_EVENTS)
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder:
        file = Path(folder, "events")
        _write(file, _events(count))
        spent = []
        for _ in range(options.rounds):
            idle = _run(_NOTHING, options, "fold")
            spent.append(_run(file, options, "fold")[1] - idle[1])
    ours, all_vendors = measure(["selfcommunity"]), measure(list(MIXES))
    return Report(
        [
            Figure("fold", "profiles and scores of 5,000 users", "events/s", _rates(count, spent)),
            Figure("fold", "bytes to bytes, SelfCommunity's events", "us CPU", [ours.new]),
            Figure("fold", "bytes to bytes, all vendors' events", "us CPU", [all_vendors.new]),
        ],
        [
            f"fold: {count:,} events by the CPU seconds of the process, minus those of a run without events.",
            (
                "fold, bytes to bytes: in one process, events that come to existing rows, with both headers."
                " The floor is msgspec alone, without types: the event and the rows that it concerns are"
                " decoded, the rows that change are encoded."
            ),
            (
                f"fold: new/floor and repeat/new: SelfCommunity {ours.ratios()}; all vendors"
                f" {all_vendors.ratios()}"
            ),
        ],
    )


def _run(file: Path, options: BenchOptions, *arguments: str) -> tuple[float, float]:
    with file.open("rb") as source:
        return run_to_end(["-m", "app", *arguments], source, options.core)


def _rates(count: int, seconds: list[float]) -> list[float]:
    return [count / each for each in seconds]


def _events(count: int) -> Iterator[bytes]:
    vendor, options = VENDORS["selfcommunity"], Options()
    for offset, body in enumerate(updates_and_scores(count)):
        outcome = convert(vendor, Line(offset, RECORDED_MS, [], body), "bench/0", options)
        if isinstance(outcome, Emit):
            yield from map(encode_event, outcome.events)


def _write(file: Path, lines: Iterable[bytes]) -> None:
    with file.open("wb") as target:
        target.writelines(line + b"\n" for line in lines)
