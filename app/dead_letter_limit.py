"""Decides when a vendor is paused: too many of its latest records are dead (docs/dead-letters.md#limit).

Plain objects without I/O. `app.vendor_agent` asks them before it writes anything of a part.
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from app.engine import Slice

_ATTEMPT: Final = "x-attempt"
_REASON: Final = re.compile(r"dead letters up to (\d{1,9})/(\d{1,19})")


class DeadShare:
    """The share of dead records among the latest ones."""

    def __init__(self, limit: float, window: int) -> None:
        """`limit`: the share, from 0 to 1, that must not be exceeded (1 never is). `window`: the number of
        records of which the share is taken."""
        self._limit = limit
        self._window = window
        self.restart()

    def restart(self) -> None:
        """Forgets all records. The limit cannot be exceeded before the window is full again."""
        self._seen = 0
        self._late = False
        self._dead: deque[int] = deque()
        """The numbers of the dead records in the window. All records since the restart are numbered from
        0."""

    def exceeds(self, count: int, dead: Sequence[int]) -> bool:
        """Returns whether the limit was exceeded after any of the next `count` records.

        `dead`: the indices of the dead ones among them, from 0, ascending. All `count` records count as seen,
        also if the answer is yes.
        """
        if not count:
            return False
        numbers = [self._seen + index for index in dead]
        # `add_dead` may have filled the window with dead records since the last call.
        exceeded = self._late and self._seen >= self._window and self._over(len(self._dead))
        self._late = False
        fills = self._seen < self._window <= self._seen + count
        # The share rises only with a dead record, so checking after each of these is enough, except that the
        # record that fills the window for the first time may not be dead.
        exceeded |= fills and self._over(len(self._dead) + bisect_left(numbers, self._window))
        for number in numbers:
            self._dead.append(number)
            self._forget_before(number - self._window + 1)
            exceeded |= number >= self._window - 1 and self._over(len(self._dead))
        self._seen += count
        return exceeded

    def add_dead(self, count: int) -> None:
        """Counts `count` of the latest records as dead that `exceeds` has counted as not dead.

        They are part of the next call's answer: the records themselves are written already.
        """
        if not self._seen:
            return
        self._forget_before(self._seen - self._window)
        self._dead.extend([self._seen - 1] * min(count, self._seen))
        self._late = True

    def _forget_before(self, number: int) -> None:
        while self._dead and self._dead[0] < number:
            self._dead.popleft()

    def _over(self, dead: int) -> bool:
        return dead / self._window > self._limit


class DeadLetterLimit:
    """The limit of one vendor in one worker."""

    def __init__(self, share: float, window: int) -> None:
        self._share = DeadShare(share, window)
        self._passed: dict[int, int] = {}
        """By partition, the offset below which no record counts, because an operator has resumed the
        vendor."""

    def observe(self, slice_: Slice, dead: Sequence[int]) -> str | None:
        """Returns the reason of the pause if the vendor has to be paused, else None. Called with the records
        of each part of a slice, before anything of it is written. `dead`: the indices of its dead records,
        ascending."""
        counted = [index for index in range(len(slice_)) if self._counts(slice_, index)]
        if len(counted) < len(slice_):
            numbers = {index: number for number, index in enumerate(counted)}
            dead = [numbers[index] for index in dead if index in numbers]
        if not self._share.exceeds(len(counted), dead):
            return None
        self._share.restart()
        return f"dead letters up to {slice_.partition}/{slice_.next_offset}"

    def add_dead(self, slice_: Slice, dead: Collection[int]) -> None:
        """Counts records of a slice as dead that `observe` has seen as not dead: a broker refused their
        events. `dead`: their indices."""
        self._share.add_dead(sum(self._counts(slice_, index) for index in dead))

    def _counts(self, slice_: Slice, index: int) -> bool:
        """Returns whether the record counts. It does not if it was sent in again as a dead letter, or if it
        is before the offset from which an operator has resumed its partition."""
        record = slice_.records[index]
        if record.offset < self._passed.get(slice_.partition, 0):
            return False
        return not (record.headers and is_redriven(record.headers))

    def resume(self, reasons: Mapping[tuple[str, int], str]) -> None:
        """Forgets all records, because an operator resumes the vendor. The records that led to the pause do
        not count when they are read again; those after them do. `reasons`: the reasons of the pauses that
        end, by topic and partition."""
        self._share.restart()
        for reason in reasons.values():
            if match := _REASON.fullmatch(reason):
                partition, offset = map(int, match.groups())
                self._passed[partition] = max(offset, self._passed.get(partition, 0))


def is_redriven(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Returns whether the record is a dead letter that somebody sent in again, by its header `x-attempt`. If
    old dead letters fail again, that says nothing about what the vendor sends now."""
    attempt = None
    for name, value in headers:
        if len(name) == len(_ATTEMPT) and name.lower() == _ATTEMPT:
            attempt = value
    return bool(attempt)
