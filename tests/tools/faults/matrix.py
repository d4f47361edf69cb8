"""Runs cases one after another, on as few clusters as they allow."""

import fnmatch
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, ExitStack

from tests.tools.faults.cases import CASES, Case, run_case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.stage import Outcome
from tests.tools.faults.verifier import Report


def chosen(patterns: Iterable[str]) -> list[Case]:
    """Returns the cases with these names or shell patterns, all if there is none. Raises CaseFailed for a
    pattern that no case matches."""
    wanted = list(patterns)
    for pattern in wanted:
        if not fnmatch.filter(CASES, pattern):
            raise CaseFailed(f"no such case: {pattern}; there are {', '.join(CASES)}")
    return [
        case
        for name, case in CASES.items()
        if not wanted or any(fnmatch.fnmatch(name, each) for each in wanted)
    ]


def run_all(cases: Iterable[Case], *, events: int | None, say: Callable[[str], None]) -> Iterator[Outcome]:
    """Yields each outcome as soon as it is known. A case that fails on the way is an outcome with a
    problem."""
    with ExitStack() as stack:
        shared: tuple[Callable[[], AbstractContextManager[Cluster]], Cluster] | None = None
        for case in cases:
            say(f"{case.name}: {case.fault}")
            if case.hurts_broker or shared is None or shared[0] is not case.brokers:
                stack.close()
                shared = (case.brokers, stack.enter_context(case.brokers()))
            cluster = shared[1]
            if case.hurts_broker:
                shared = None
            yield outcome_of(case, cluster, events)


def outcome_of(case: Case, cluster: Cluster, events: int | None, mutant: str = "") -> Outcome:
    try:
        return run_case(case, cluster, events=events, mutant=mutant)
    except (CaseFailed, AssertionError) as failed:
        return Outcome(case.name, Report(), 0.0, 0.0, 0.0, {}, 0.0, [str(failed)], [])
