"""`python -m tests.tools.faults [CASE...]`: plays the fault matrix on a real Kafka and prints the verifier's
counts.

Exit code 0 if every case is as promised, 1 otherwise.
"""

import argparse
import fnmatch
import sys
import time
from pathlib import Path

from tests.page import put
from tests.tools.faults.cases import CASES
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.matrix import chosen, run_all
from tests.tools.faults.table import line, markdown, table


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.faults", description=__doc__)
    parser.add_argument("case", nargs="*", help="names or patterns; all by default")
    parser.add_argument("--list", action="store_true", help="name the cases and do nothing")
    parser.add_argument("--events", type=int, help="records a case, at least; each case has its own default")
    parser.add_argument("--page", type=Path, metavar="FILE", help="put the figures into this page, too")
    options = parser.parse_args()
    if options.list:
        for name, case in CASES.items():
            if not options.case or any(fnmatch.fnmatch(name, each) for each in options.case):
                print(f"{name:40} {case.fault}")
        return 0
    try:
        cases = chosen(options.case)
    except CaseFailed as failed:
        parser.error(str(failed))
    began, outcomes = time.monotonic(), []
    for outcome in run_all(cases, events=options.events, say=lambda text: print(text, flush=True)):
        outcomes.append(outcome)
        print(f"  {line(outcome)}", flush=True)
    seconds = time.monotonic() - began
    print(f"\n{table(outcomes)}\n\n{len(outcomes)} cases in {seconds:.0f} s")
    if options.page:
        put(options.page, "matrix", markdown(outcomes, seconds))
    return 0 if all(outcome.green for outcome in outcomes) else 1


if __name__ == "__main__":
    sys.exit(main())
