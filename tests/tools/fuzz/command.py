"""The two commands of the fuzzer. They print numbers and names, and never a payload."""

import sys
import time
from pathlib import Path
from typing import Final

from tests.tools.fuzz.campaign import Plan, Report, campaign, finding_of, target_of
from tests.tools.fuzz.inputs import HistoryInput, Input, input_of
from tests.tools.fuzz.minimise import minimised
from tests.tools.fuzz.row_inputs import RowInput

_PROGRESS_SECONDS: Final = 10.0


def run(seed: int, inputs: int, jobs: int) -> int:
    print(f"{inputs:,} inputs of seed {seed} in {jobs} processes", flush=True)
    started = last = time.monotonic()
    told: set[tuple[str, str]] = set()

    def progress(report: Report) -> None:
        nonlocal last
        for finding in report.findings.keys() - told:  # printed at once, because a run may take hours
            told.add(finding)
            _tell(finding, seed, report.findings[finding])
        now = time.monotonic()
        if now - last >= _PROGRESS_SECONDS:
            last = now
            print(f"{report.inputs:,} inputs, {report.inputs / (now - started):,.0f}/s", flush=True)

    report = campaign(Plan(seed, inputs, jobs), progress)
    took = time.monotonic() - started
    for (target, what), count in sorted(report.tally.items()):
        print(f"  {target:14} {what:20} {count:>10,}")
    rate = report.inputs / took
    print(
        f"{report.inputs:,} inputs in {took:,.0f} s, {rate:,.0f}/s; {len(report.details)} different details"
    )
    seconds, number = report.slowest
    print(f"The slowest convert took {seconds:.2f} s of processor time [--show {seed}:{number}]")
    for finding, numbers in sorted(report.findings.items()):
        _tell(finding, seed, numbers)
    return 1 if report.findings else 0


def _tell(finding: tuple[str, str], seed: int, numbers: list[int]) -> None:
    target, what = finding
    shows = " ".join(f"--show {seed}:{number}" for number in numbers)
    print(f"FOUND {target}: {what} [{shows}]", file=sys.stderr, flush=True)


def show(seed: int, number: int, out: Path) -> int:
    """Writes the payload of an input to files, and prints nothing of it. Returns the exit code."""
    it = input_of(seed, number)
    finding = finding_of(it, Report())
    print(f"{target_of(it)}: {finding or 'nothing found'}")
    for kind, shown in [("whole", it)] + ([("least", minimised(it, finding))] if finding else []):
        values = _values(shown)
        for index, value in enumerate(values):
            path = out / f"fuzz-{seed}-{number}-{kind}-{index}.json"
            path.write_bytes(value)
            print(f"{path}: {len(value):,} bytes")
        if around := _around(shown):
            (out / f"fuzz-{seed}-{number}-{kind}.txt").write_text(around, "utf-8")
    return 1 if finding else 0


def _values(shown: Input) -> list[bytes]:
    if isinstance(shown, RowInput):
        return [entry.value or b"" for entry in shown.log]
    return shown.values if isinstance(shown, HistoryInput) else [shown.value or b""]


def _around(shown: Input) -> str:
    """Returns everything of the input that is no value, with a line each."""
    if isinstance(shown, RowInput):
        return "".join(
            f"{index}: {entry.table} {entry.key=} {entry.headers=}{' tombstone' * (entry.value is None)}\n"
            for index, entry in enumerate(shown.log)
        )
    if isinstance(shown, HistoryInput):
        return ""
    return (
        f"{shown.timestamp=}\n{shown.offset=}\n{shown.key=}\n{shown.headers=}\n{shown.options=}\n"
        f"{shown.value is None=}\n"
    )
