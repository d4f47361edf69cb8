"""`python -m tests.tools.bench.check`: a gate against changes that make the pure core slower, for machines on
which other programs run.

It judges no times, but ratios of times that are measured by turns in this process: what it costs to convert a
body (`convert/floor`), and to apply an event to the rows of its user (`bytes/floor`), as a multiple of the
least that msgspec alone needs; and an event that comes again as a multiple of a new one (`repeat/new`). Each
is compared with its limit in `limits.toml`. What is too large is measured again, and the least times count.
The exit code is 0 if all are within their limits; otherwise 1, with a line for each that is not.
"""

import argparse
import math
import sys
from collections.abc import Callable, Iterable, Sequence
from typing import Final, NamedTuple, Self

from msgspec.structs import replace

from tests.tools.bench.bodies import MIXES
from tests.tools.bench.convert_ratio import convert_and_floor
from tests.tools.bench.fold_ratios import measure
from tests.tools.bench.limits import (
    FILE,
    Limits,
    Ratios,
    exceeded,
    improvements,
    problems,
    read_limits,
    text_of,
)

_ATTEMPTS: Final = 4
"""What is too large by noise alone is not so four times."""
_PYTHON: Final = f"{sys.version_info.major}.{sys.version_info.minor}"


class Costs(NamedTuple):
    """CPU microseconds: of a body, and of an event with the rows of its user."""

    convert: float
    convert_floor: float
    new: float
    floor: float
    repeat: float

    @classmethod
    def of(cls, vendor: str) -> Self:
        return cls(*convert_and_floor(vendor), *measure([vendor]))

    def least(self, other: Self) -> Self:
        """Returns of each cost the smaller one. Noise only adds to a cost."""
        return type(self)(*map(min, self, other))

    def ratios(self, vendor: str) -> Ratios:
        return {
            f"{vendor}/convert/floor": self.convert / self.convert_floor,
            f"{vendor}/bytes/floor": self.new / self.floor,
            f"{vendor}/repeat/new": self.repeat / self.new,
        }


def measured(
    limits: Limits, vendors: Iterable[str], cost: Callable[[str], Costs] = Costs.of, *, thorough: bool = False
) -> Ratios:
    """Returns the ratios of all these vendors. Those of a vendor that are too large are measured again;
    `thorough`: so are all others."""
    found: dict[str, float] = {}
    for vendor in vendors:
        costs = cost(vendor)
        for _ in range(_ATTEMPTS - 1):
            if not thorough and not any(exceeded(costs.ratios(vendor), limits)):
                break
            costs = costs.least(cost(vendor))
        found |= costs.ratios(vendor)
    return found


def main(arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.tools.bench.check", description=__doc__)
    parser.add_argument(
        "--margin", type=_margin, help="in place of the one in limits.toml: 0.4 allows 40 %% more"
    )
    parser.add_argument(
        "--write",
        nargs="*",
        choices=list(MIXES),
        metavar="VENDOR",
        help="write what is measured into limits.toml, of all vendors or of these",
    )
    asked = parser.parse_args(arguments)
    try:
        limits = read_limits()
    except (OSError, ValueError) as error:
        print(f"{FILE.name} cannot be read: {error}", file=sys.stderr)
        return 1
    if asked.write is not None:
        _write(limits, asked.write or list(MIXES))
        return 0
    if asked.margin is not None:
        limits = replace(limits, margin=asked.margin)
    ratios = measured(limits, MIXES)
    _show(ratios, limits)
    return _judged(ratios, limits)


def _margin(text: str) -> float:
    """Raises ValueError if it is no share, such as `nan`, which nothing would exceed."""
    margin = float(text)
    if not 0 <= margin < math.inf:
        raise ValueError(text)
    return margin


def _write(limits: Limits, vendors: Iterable[str]) -> None:
    ratios = measured(limits, vendors, thorough=True)
    _show(ratios, limits)
    FILE.write_text(text_of(replace(limits, python=_PYTHON, known={**limits.known, **ratios})), "utf-8")


def _show(ratios: Ratios, limits: Limits) -> None:
    print(f"{'':28}{'measured':>10}{'known':>8}{'limit':>8}")
    for name, ratio in ratios.items():
        known = f"{limits.known[name]:8.2f}{limits.of(name):8.2f}" if name in limits.known else ""
        print(f"{name:28}{ratio:10.2f}{known}")


def _judged(ratios: Ratios, limits: Limits) -> int:
    if faster := list(improvements(ratios, limits)):
        print(f"much smaller than known, so --write is due: {', '.join(faster)}")
    found = list(problems(ratios, limits))
    for problem in found:
        print(problem, file=sys.stderr)
    if found and limits.python != _PYTHON:
        print(f"the limits were measured on Python {limits.python}, this is {_PYTHON}", file=sys.stderr)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
