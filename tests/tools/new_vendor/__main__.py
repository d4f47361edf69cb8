"""`python -m tests.tools.new_vendor acme`: see CONTRIBUTING.md, "Add a vendor in an afternoon"."""

import argparse
import subprocess
import sys

from tests.tools.new_vendor.outcomes import write_outcomes
from tests.tools.new_vendor.skeleton import Refusal, write_skeleton


def main() -> int:
    """Returns the exit code: 0 if everything is written; 1, with one line on stderr, if nothing can be
    written."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.new_vendor", description=__doc__)
    parser.add_argument("vendor", help="lower-case letters and digits, as topics and keys have it")
    parser.add_argument("--title", help="the name for people (default: the vendor, with a capital)")
    parser.add_argument(
        "--outcomes",
        action="store_true",
        help="only write the outcome of each fixture of the vendor that has none yet, for review",
    )
    options = parser.parse_args()
    try:
        if options.outcomes:
            return write_outcomes(options.vendor)
        written = write_skeleton(options.vendor, options.title or options.vendor.capitalize())
    except Refusal as refusal:
        print(refusal, file=sys.stderr)
        return 1
    print("\n".join(f"wrote {path}" for path in written))
    # In another process, because this one has read the registry before the vendor was in it.
    again = [sys.executable, "-m", "tests.tools.new_vendor", options.vendor, "--outcomes"]
    return subprocess.run(again, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
