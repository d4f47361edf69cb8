"""How a command tells its result: as lines, or as one line of JSON."""

import sys
from collections.abc import Iterable, Mapping
from typing import Any, Protocol

import msgspec


class Result(Protocol):
    """What a command has done."""

    def lines(self) -> Iterable[str]: ...
    def members(self) -> Mapping[str, Any]: ...


def tell(result: Result, *, as_json: bool) -> None:
    """Prints the result on standard output."""
    if as_json:
        sys.stdout.write(f"{msgspec.json.encode(result.members()).decode()}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in result.lines())


def check_code(*, is_equal: bool) -> int:
    """Returns the exit code of a command that has compared rows: 0, or 1 with one line on standard error."""
    if not is_equal:
        sys.stderr.write("rollcall: the rows differ\n")
    return 0 if is_equal else 1
