"""Records for the tests of what operators' commands decide."""

from collections.abc import Sequence
from typing import NamedTuple


class Told(NamedTuple):
    """A record of a log."""

    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]] = ()
    offset: int = 0
    timestamp: int = 1_704_067_200_000
