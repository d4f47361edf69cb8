"""Tries many inputs in several processes, under a watchdog that ends every hang."""

import gc
import multiprocessing
import signal
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator
from ctypes import c_uint64
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, field

from tests.tools.fuzz.finding import Finding
from tests.tools.fuzz.inputs import HistoryInput, Input, input_of
from tests.tools.fuzz.laws import check_history, decoded
from tests.tools.fuzz.records import check_record
from tests.tools.fuzz.row_inputs import RowInput
from tests.tools.fuzz.row_laws import check_log

# Processor time for everything that is done with an input: about ten times what a single call may take.
HARD_LIMIT_SECONDS: Final = 40.0
_REPORT_SECONDS: Final = 1.0
# The numbers of inputs that are kept for a finding; more of them would tell nothing new.
_NUMBERS_KEPT: Final = 3
# The details of vendors' records and of canonical records are closed sets, with about 400 members together.
_DETAILS_AT_MOST: Final = 1000

Outcome = tuple[str, str]


class Report(Struct):
    """The results of one process, or of all. `slowest`: the processor seconds of the slowest `convert`, and
    the number of its input."""

    inputs: int = 0
    slowest: tuple[float, int] = (0.0, 0)
    tally: Counter[Outcome] = field(default_factory=Counter)
    details: set[str] = field(default_factory=set)
    findings: dict[Outcome, list[int]] = field(default_factory=dict)

    def add(self, other: "Report") -> None:
        self.inputs += other.inputs
        self.slowest = max(self.slowest, other.slowest)
        self.tally += other.tally
        self.details |= other.details
        for finding, numbers in other.findings.items():
            self.found(finding, *numbers)

    def found(self, finding: Outcome, *numbers: int) -> None:
        """Keeps the first numbers of each finding. `finding`: the target and the promise."""
        kept = self.findings.setdefault(finding, [])
        kept[:] = sorted([*kept, *numbers])[:_NUMBERS_KEPT]


def target_of(it: Input) -> str:
    if isinstance(it, RowInput):
        return "rows"
    return "canonical" if isinstance(it, HistoryInput) else it.vendor


def check(it: Input, number: int, report: Report) -> None:
    """Counts the outcomes of the input. Raises Finding, and every error of the code under test."""
    if isinstance(it, RowInput):
        for outcome, detail in check_log(it):
            report.tally["rows", outcome] += 1
            report.details.add(detail)
        return
    if not isinstance(it, HistoryInput):
        checked = check_record(it)
        report.tally[it.vendor, checked.outcome] += 1
        # The number in this detail is a setting, which has any value here, and is not from the payload.
        report.details.add(checked.detail.replace(str(it.options.max_record_bytes), "N"))
        report.slowest = max(report.slowest, (checked.seconds, number))
        return
    read = [decoded(value) for value in it.values]
    refusals = [refusal for refusal in read if isinstance(refusal, str)]
    report.tally["canonical", "refused"] += len(refusals)
    report.details.update(refusals)
    for effect in check_history([event for event in read if not isinstance(event, str)]):
        report.tally["canonical", effect] += 1


def finding_of(it: Input, report: Report, number: int = 0) -> str | None:
    """Returns the promise that the input breaks, or None. Raises nothing."""
    try:
        check(it, number, report)
    except Finding as finding:
        return str(finding)
    except Exception as error:  # noqa: BLE001 - any error is a finding; its text may quote the payload
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"raised {type(error).__name__} in {Path(frame.filename).name}:{frame.lineno}"
    if len(report.details) > _DETAILS_AT_MOST:
        report.details.clear()
        return "details are of a closed set"
    return None


class Plan(Struct, frozen=True):
    """Which inputs to try. `judge`: a function of a module, because other processes import it."""

    seed: int
    inputs: int
    jobs: int
    judge: Callable[[Input, Report, int], str | None] = finding_of
    hard_limit_seconds: float = HARD_LIMIT_SECONDS


def _work(plan: Plan, numbers: range, current: Any, reports: Connection) -> None:
    """Tries inputs in a process of its own. The signal of the timer ends the process, also if it hangs in C;
    `current` then tells the number of the input."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    gc.freeze()
    report, due = Report(), time.monotonic() + _REPORT_SECONDS
    for number in numbers:
        current.value = number
        signal.setitimer(signal.ITIMER_PROF, plan.hard_limit_seconds)
        it = input_of(plan.seed, number)
        finding = plan.judge(it, report, number)
        if finding is not None:
            report.found((target_of(it), finding), number)
        report.inputs += 1
        if time.monotonic() > due:
            reports.send(report)
            report, due = Report(), time.monotonic() + _REPORT_SECONDS
    signal.setitimer(signal.ITIMER_PROF, 0)
    reports.send(report)


class _Worker:
    """A process that tries every `jobs`-th input. If an input ends it, a new one goes on with the next
    input."""

    def __init__(self, plan: Plan, numbers: range) -> None:
        self.plan, self.numbers = plan, numbers
        self.process: SpawnProcess
        self.reports: Connection
        self._start()

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._current = context.RawValue(c_uint64, self.numbers.start)
        self.reports, theirs = context.Pipe(duplex=False)
        arguments = (self.plan, self.numbers, self._current, theirs)
        self.process = context.Process(target=_work, args=arguments, daemon=True)
        self.process.start()
        theirs.close()

    def ended(self, report: Report) -> bool:
        """Returns whether all inputs are done; called when the pipe has ended. If they are not, the current
        input is a finding, and a new process is started."""
        self.process.join()
        if self.process.exitcode == 0:
            return True
        number = int(self._current.value)
        what = f"ended the process with {self.process.exitcode}"
        if self.process.exitcode == -signal.SIGPROF:
            what = f"took longer than {self.plan.hard_limit_seconds:g} s of processor time"
        report.found((target_of(input_of(self.plan.seed, number)), what), number)
        self.numbers = range(number + self.numbers.step, self.numbers.stop, self.numbers.step)
        if not self.numbers:
            return True
        self._start()
        return False


def campaign(plan: Plan, progress: Callable[[Report], None]) -> Report:
    """Returns the results of the inputs 0 to `plan.inputs` - 1. Calls `progress` about once a second with the
    results so far."""
    total = Report()
    jobs = min(plan.jobs, plan.inputs)
    workers = [_Worker(plan, range(job, plan.inputs, jobs)) for job in range(jobs)]
    for report in _reports(workers, total):
        total.add(report)
        progress(total)
    return total


def _reports(workers: list[_Worker], total: Report) -> Iterator[Report]:
    running = list(workers)
    while running:
        for ready in wait([worker.reports for worker in running]):
            worker = next(it for it in running if it.reports is ready)
            try:
                yield worker.reports.recv()
            except EOFError:
                if worker.ended(total):
                    running.remove(worker)
