"""What a run of a command keeps with the offsets that it commits, so that it can go on after a kill."""

import re
from typing import Final

from msgspec import Struct

_FORM: Final = re.compile(r"rollcall run\nend: ([0-9]{1,18})\nchoice: ([0-9a-f]{16})", re.ASCII)


class RunNote(Struct, frozen=True):
    """The metadata of a committed offset. `end`: the offset at which the run ends in the partition. `choice`:
    a digest of what the run was told to take."""

    end: int
    choice: str

    def encode(self) -> str:
        return f"rollcall run\nend: {self.end}\nchoice: {self.choice}"


def decode_run_note(metadata: str) -> RunNote | None:
    """Returns the note; None if somebody else committed the offset."""
    match = _FORM.fullmatch(metadata)
    return match and RunNote(int(match[1]), match[2])
