"""What an agent is: a plain generator that appends to a producer and yields the parts of what it did.

A slice is handled in parts, which are bounded in bytes and in time (docs/design.md#parts). An agent cannot
await. Only `run_slices` awaits (`slice_loop.py`), so records are always appended in the order of their
partition.
"""

from collections.abc import Callable, Generator
from typing import Any, Final, NamedTuple, Protocol

from app.engine.slices import Slice

PART_BYTES: Final = 16 << 20
"""A part of a slice ends when its outputs have so many bytes. One record more can be in it, whose events may
have MAX_EVENTS_BYTES."""

PART_SECONDS: Final = 0.1
"""A part of a slice ends when it has taken so long. Writing it may take about as long again."""

LARGE_BYTES: Final = 64 << 10
"""A record with a larger value is decoded in a thread. The slowest body that we know takes 1.4 s a MiB."""


class Part(Protocol):
    """What an agent has appended of a slice. Both methods are called when all of it is acknowledged."""

    def settle(self) -> bool:
        """Returns whether it has appended anything, which must be acknowledged before the slice is done.

        It appends what the brokers' answers make necessary: dead letters in place of records that a broker
        refused. The loop calls it until it returns False.
        """

    def count(self) -> None:
        """Counts the outcomes of the records. The loop calls it once, when nothing is left to append."""


class Pause(NamedTuple):
    """What an agent yields in place of a part, if its topic must be paused.

    The agent has then appended nothing of that part, and it yields nothing more of the slice. The topic is
    paused until an operator resumes it.
    """

    reason: str
    """One line of at most 1,000 characters. It is committed as the metadata of the offset."""
    offset: int
    """That of the first record of the part. The records before it are written."""


class MoreRoom(NamedTuple):
    """What an agent yields in the middle of a large part, to let other tasks run and to wait for room."""


class InThread(NamedTuple):
    """What an agent yields before a part, to have a call made in a thread while other tasks run. The agent
    gets what the call returns.

    The loop allows one such call at a time in the process, and the next one only when the part is appended.
    So its result may be large.
    """

    call: Callable[[], Any]
    """It must not change anything that others see, and must not raise."""


Step = Part | Pause | MoreRoom | InThread


class Processor(Protocol):
    """An agent."""

    def process(self, slice_: Slice, /) -> Generator[Step, Any, None]:
        """Yields each part of what the records of a slice become, after it has appended the part.

        Other tasks run at each yield, and nowhere else. So whatever an agent reads and changes in between, as
        the rows of a table, no other task has changed meanwhile.
        """
