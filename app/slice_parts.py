"""How both kinds of agents go through a slice: part by part, with pauses in which other tasks run
(docs/design.md#parts)."""

from collections.abc import Callable, Generator
from time import perf_counter
from typing import Any

from app.engine import LARGE_BYTES, PART_SECONDS, MoreRoom, Part, Record, Slice, Step


def is_large(record: Record) -> bool:
    """Returns whether a record's value is so large that it is decoded in a thread."""
    return len(record.value or b"") > LARGE_BYTES


class WorkTimer:
    """How long an agent has worked on a slice, and when it is time for other tasks."""

    def __init__(self) -> None:
        self.seconds = 0.0
        """The time of the work. Pauses, and what an agent waits for, are no part of it."""
        self.until = 0.0
        """When it is time for other tasks, by `perf_counter`."""
        self._since = 0.0

    def go_on(self) -> None:
        """Notes that the agent works from now on."""
        self._since = perf_counter()
        self.until = self._since + PART_SECONDS

    def pause(self) -> None:
        """Notes that the agent does not work from now on."""
        self.seconds += perf_counter() - self._since

    def let_others_run(self) -> Generator[MoreRoom, Any, None]:
        """Pauses until other tasks have run."""
        self.pause()
        yield MoreRoom()
        self.go_on()


MakePart = Callable[[Slice, int, WorkTimer], Generator[Step, Any, tuple[Part, int] | None]]
"""Appends a part of a slice, from the record with this index on. Returns the part and the number of its
records, at least one; None if it has yielded a Pause in its place."""


def in_parts(
    slice_: Slice, make_part: MakePart, observe: Callable[[float], None]
) -> Generator[Step, Any, None]:
    """Yields the parts of a slice, each after what `make_part` yields on the way. `observe` gets the seconds
    of the work on the slice, when its last part is appended."""
    timer, end = WorkTimer(), 0
    while end < len(slice_.records):
        made = yield from make_part(slice_, end, timer)
        if made is None:
            return
        part, records = made
        end += records
        if end == len(slice_.records):
            observe(timer.seconds)
        yield part
