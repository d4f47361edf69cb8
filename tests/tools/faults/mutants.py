"""`python -m tests.tools.faults.mutants [NAME...]`: takes out one safeguard of the engine at a time, and
shows that a case of the matrix fails, or that a test sees it.

The exit code is 0 if each of the chosen safeguards is seen to be missing, and 1 otherwise.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from tests.page import put
from tests.tools.faults.cases import CASES
from tests.tools.faults.cluster import Cluster, one_broker
from tests.tools.faults.matrix import outcome_of
from tests.tools.faults.mutations import MUTATIONS
from tests.tools.faults.pods import ROOT
from tests.tools.faults.stage import Outcome

JUDGES: Final[dict[str, Sequence[str]]] = {
    "acks not awaited": ("kill-canonical-unanswered-what-is-done-committed",),
    "offsets committed one ahead": ("kill-after-commit",),
    "changelog written after the commit": ("kill-users-unanswered-what-is-done-committed",),
    "fetch gate off": ("join-leave", "sigterm"),
    "rewind off": ("paused",),
    "position in place of last+1 off": ("transactions-at-the-end",),
    "quiesce off": ("join-leave",),
    "merge off": ("zombie-restart",),
    "repair off": ("zombie-write",),
    "backstop off": ("poisoned",),
    "coordinator watch off": ("refused-group",),
    "boundary check off": ("poison-changelogs",),
    "partition check off": ("poison-canonical",),
    "changed names off": ("join-leave",),
    "departure off": ("exit-70",),
}
"""The cases that can see a missing safeguard. They run until one fails."""

TESTS: Final = {
    mutant: f"tests/test_vendor_agent.py::test_a_missing_bound_is_seen[{mutant}]"
    for mutant in ("slice bound off", "budget off")
}
"""The safeguards of memory and time, each with the test that sees without a broker that it is missing. The
matrix cannot: the records of its costly cases are not large enough for that."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.faults.mutants", description=__doc__)
    parser.add_argument("mutant", nargs="*", help="all by default")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the verdicts into this page, too")
    options = parser.parse_args()
    if unknown := set(options.mutant) - MUTATIONS.keys():
        parser.error(f"no such mutant: {', '.join(sorted(unknown))}; there are {', '.join(MUTATIONS)}")
    unseen, lines = [], ["| without | case | what it sees |", "|---|---|---|"]
    with one_broker() as cluster:
        for mutant in options.mutant or (*JUDGES, *TESTS):
            for judge, verdict in _verdicts(mutant, cluster):
                print(f"{mutant}: {judge}: {verdict or 'green'}", flush=True)
                lines.append(f"| {mutant} | `{judge}` | {verdict or 'green'} |")
                if verdict:
                    break
            else:
                unseen.append(mutant)
    if options.page:
        put(options.page, "mutants", "\n".join(lines))
    print(f"not seen: {', '.join(unseen)}" if unseen else "every mutant was seen")
    return 1 if unseen else 0


def _verdicts(mutant: str, cluster: Cluster) -> Iterator[tuple[str, str]]:
    """Yields what each judge of a mutant sees, with the judge's name; "" if it sees nothing."""
    if mutant in TESTS:
        yield TESTS[mutant], "a slice without bounds" if _is_seen(mutant) else ""
    for name in JUDGES.get(mutant, ()):
        yield name, "; ".join(_outcome(name, cluster, mutant).problems)


def _is_seen(mutant: str) -> bool:
    """Returns whether the test of a mutant sees it: the test passes if it does."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", TESTS[mutant]]
    return subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False).returncode == 0


def _outcome(name: str, cluster: Cluster, mutant: str) -> Outcome:
    case = CASES[name]
    if case.brokers is one_broker:
        return outcome_of(case, cluster, None, mutant)
    with case.brokers() as its_own:
        return outcome_of(case, its_own, None, mutant)


if __name__ == "__main__":
    sys.exit(main())
