"""`python -m tests.fuzz`: so many inputs of a seed, or one of them for a developer's eyes."""

import argparse
import os
import random
import sys
import tempfile
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """0 where nothing was found, 1 where something was, 2 for wrong usage."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--inputs", type=int, default=200_000, help="how many (default %(default)s)")
    parser.add_argument("--seed", type=int, help="by default another one each time; it is printed")
    parser.add_argument(
        "--jobs", type=int, default=os.cpu_count() or 1, help="processes (default: all cores)"
    )
    parser.add_argument(
        "--show", metavar="SEED:NUMBER", help="write this input, and the least that does the same"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(tempfile.gettempdir()),
        help="where --show writes (default: %(default)s)",
    )
    parser.add_argument(
        "--atheris", action="store_true", help="led by coverage (needs the extra `fuzz`); --inputs 0: endless"
    )
    given = parser.parse_args(arguments)
    # Atheris wants to be there before what it is to instrument is imported.
    if given.atheris:
        from tests.fuzz.guided import guided

        return guided(given.inputs)
    from tests.fuzz.command import run, show

    if given.show:
        seed, _, number = given.show.partition(":")
        return show(int(seed), int(number), given.out)
    seed = random.SystemRandom().getrandbits(32) if given.seed is None else given.seed
    return run(seed, given.inputs, given.jobs)


if __name__ == "__main__":
    sys.exit(main())
