"""`python -m tests.tools.fuzz`: tries a number of inputs of a seed, or shows one of them."""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Returns the exit code: 0 if nothing was found, 1 if something was found, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.tools.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, help="how many inputs (default %(default)s)")
    parser.add_argument("--seed", type=int, help="default: another one in each run; it is printed")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    parser.add_argument(
        "--show", metavar="SEED:NUMBER", help="write this input and the smallest one with the same finding"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="the folder that --show writes to (default: %(default)s)",
    )
    parser.add_argument(
        "--atheris",
        action="store_true",
        help="guided by coverage (needs the extra `fuzz`); --inputs 0: without end",
    )
    given = parser.parse_args(arguments)
    # Atheris must be imported before the modules that it instruments.
    if given.atheris:
        from tests.tools.fuzz.guided import guided

        return guided(given.inputs)
    from tests.tools.fuzz.command import run, show

    if given.show:
        seed, _, number = given.show.partition(":")
        return show(int(seed), int(number), given.out)
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    return run(seed, given.inputs, given.jobs)


if __name__ == "__main__":
    sys.exit(main())
