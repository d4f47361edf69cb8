"""What is committed together with an offset, as its metadata: it goes with the partition to its next owner.

The text has one line for each thing. It is on the wire, so the words at the begin of the lines must not
change. Kafka keeps up to 4,096 bytes.
"""

import re
from typing import Final

from msgspec import Struct

_PAUSED: Final = "held: "
_ATTEMPTS: Final = "attempts: "
_ONE_BY_ONE: Final = "one by one until: "
_SKIP: Final = "skip: "
_NUMBERS: Final = re.compile(r"[0-9]{1,19}( [0-9]{1,19})*")

MOST_SKIPPED: Final = 64
"""How many offsets of a partition may be skipped ahead of its committed offset: their text has a bound."""


class CommitNote(Struct, frozen=True, kw_only=True):
    """The note of one committed offset. The empty one means that nothing is special."""

    reason: str = ""
    """Why the partition is paused, in one line; empty if it is not paused."""
    attempts: int = 0
    """How many attempts to handle the partition from this offset have begun and not ended (`Attempts`)."""
    until: int = 0
    """The end of the offsets in which the cause must be, if attempts of a suspect died; otherwise 0."""
    skip: tuple[int, ...] = ()
    """The offsets of records that an operator skips, ascending."""

    def encode(self) -> str:
        """Returns the metadata. A pause alone has the form that earlier versions know."""
        lines = [
            _PAUSED + self.reason if self.reason else "",
            f"{_ATTEMPTS}{self.attempts}" if self.attempts else "",
            f"{_ONE_BY_ONE}{self.until}" if self.until else "",
            _SKIP + " ".join(map(str, self.skip)) if self.skip else "",
        ]
        return "\n".join(filter(None, lines))


def decode_note(metadata: str) -> CommitNote:
    """Returns the note of a committed offset. Lines that are none of ours are ignored: somebody else may have
    committed the offset."""
    reason, attempts, until = "", 0, 0
    skip: tuple[int, ...] = ()
    for line in metadata.split("\n"):
        if line.startswith(_PAUSED):
            reason = line.removeprefix(_PAUSED) or "no reason"
        attempts = max([attempts, *_numbers(line, _ATTEMPTS)])
        until = max([until, *_numbers(line, _ONE_BY_ONE)])
        skip = tuple(sorted({*skip, *_numbers(line, _SKIP)}))
    return CommitNote(reason=reason, attempts=attempts, until=until, skip=skip[:MOST_SKIPPED])


def _numbers(line: str, begin: str) -> list[int]:
    rest = line.removeprefix(begin)
    return list(map(int, rest.split())) if rest != line and _NUMBERS.fullmatch(rest) else []
