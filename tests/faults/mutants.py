"""`python -m tests.faults.mutants [NAME...]`: the matrix has to see every safeguard that is taken out.

Exit code 0 if each of the chosen cases goes red without its safeguard, 1 if one stays green.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from tests.faults.cases import CASES
from tests.faults.cluster import one_broker
from tests.faults.matrix import outcome_of
from tests.faults.mutations import MUTATIONS
from tests.page import put

JUDGES: Final[dict[str, Sequence[str]]] = {
    "acks not awaited": ("kill-canonical-unanswered-what-is-done-committed",),
    "offsets committed one ahead": ("kill-after-commit",),
    "changelog written after the commit": ("kill-after-commit",),
    "fetch gate off": ("join-leave", "sigterm"),
    "rewind off": ("held",),
    "quiesce off": ("join-leave",),
    "recovery merge off": ("zombie-restart",),
    "guard off": ("zombie-write",),
}
"""Which cases have to see it: the first that does is enough."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.faults.mutants", description=__doc__)
    parser.add_argument("mutant", nargs="*", help="all by default")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the verdicts into this page, too")
    options = parser.parse_args()
    unseen, lines = [], ["| without | case | what it sees |", "|---|---|---|"]
    with one_broker() as cluster:
        for mutant in options.mutant or MUTATIONS:
            for name in JUDGES[mutant]:
                outcome = outcome_of(CASES[name], cluster, None, mutant)
                verdict = "; ".join(outcome.problems) or "green"
                print(f"{mutant}: {name}: {verdict}", flush=True)
                lines.append(f"| {mutant} | `{name}` | {verdict} |")
                if not outcome.green:
                    break
            else:
                unseen.append(mutant)
    if options.page:
        put(options.page, "mutants", "\n".join(lines))
    print(f"not seen: {', '.join(unseen)}" if unseen else "every mutant was seen")
    return 1 if unseen else 0


if __name__ == "__main__":
    sys.exit(main())
