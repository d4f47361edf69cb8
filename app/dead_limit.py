"""When a vendor is held: too many of its latest records in a row are dead (contract, section 5).

Plain objects; `app.vendor_agent` asks before it writes anything of a slice.
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from typing import Final

from app.lane import Slice

_ATTEMPT: Final = "x-attempt"
_NOTE: Final = re.compile(r"dead letters up to (\d{1,9})/(\d{1,19})")


class DeadShare:
    """The share of dead records among the latest ones."""

    def __init__(self, limit: float, window: int) -> None:
        """`limit`: a share, which 1 puts out of reach; `window`: over how many records it is taken."""
        self._limit = limit
        self._window = window
        self.restart()

    def restart(self) -> None:
        """Forget all records. Nothing is over the limit before the window is full again."""
        self._seen = 0
        self._late = False
        self._dead: deque[int] = deque()
        """The numbers, from 0, of the dead records that are in the window."""

    def exceeds(self, count: int, dead: Sequence[int]) -> bool:
        """Whether the limit was exceeded after any of the next `count` records.

        `dead`: which of them are dead, in ascending order, from 0. They count as seen, whatever the answer.
        """
        if not count:
            return False
        numbers = [self._seen + index for index in dead]
        # What was found dead only after its verdict.
        exceeded = self._late and self._seen >= self._window and self._over(len(self._dead))
        self._late = False
        fills = self._seen < self._window <= self._seen + count
        # The share rises only where a record is dead, but the record that fills the window may live.
        exceeded |= fills and self._over(len(self._dead) + bisect_left(numbers, self._window))
        for number in numbers:
            self._dead.append(number)
            self._forget_before(number - self._window + 1)
            exceeded |= number >= self._window - 1 and self._over(len(self._dead))
        self._seen += count
        return exceeded

    def add_dead(self, count: int) -> None:
        """So many of the latest records turned out to be dead after they were counted as alive.

        They count when the next records are judged: for these it is too late.
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


class DeadLimit:
    """The limit of one vendor, in one worker."""

    def __init__(self, share: float, window: int) -> None:
        self._share = DeadShare(share, window)
        self._passed: dict[int, int] = {}
        """By partition, the offset below which an operator has let everything pass."""

    def holds(self, records: Slice, dead: Sequence[int]) -> str | None:
        """The note of the hold where the vendor is to be held, before anything of the slice is written.

        `dead`: indices of its dead records, ascending.
        """
        counted = [index for index in range(len(records)) if self._counts(records, index)]
        if len(counted) < len(records):
            numbers = {index: number for number, index in enumerate(counted)}
            dead = [numbers[index] for index in dead if index in numbers]
        if not self._share.exceeds(len(counted), dead):
            return None
        self._share.restart()
        return f"dead letters up to {records.partition}/{records.next_offset}"

    def add_dead(self, records: Slice, dead: Collection[int]) -> None:
        """Records of a slice of which the verdict is given are dead after all, as a broker refused their
        events. `dead`: their indices."""
        self._share.add_dead(sum(self._counts(records, index) for index in dead))

    def _counts(self, records: Slice, index: int) -> bool:
        """Whether the limit looks at the record: neither a redrive nor an operator has sent it through."""
        record = records.records[index]
        if record.offset < self._passed.get(records.partition, 0):
            return False
        return not (record.headers and is_redriven(record.headers))

    def resume(self, notes: Mapping[tuple[str, int], str]) -> None:
        """An operator has looked and says: go on. The records that led to the hold pass, those after
        them are judged anew. `notes`: those of the partitions that go on."""
        self._share.restart()
        for note in notes.values():
            if match := _NOTE.fullmatch(note):
                partition, offset = map(int, match.groups())
                self._passed[partition] = max(offset, self._passed.get(partition, 0))


def is_redriven(headers: Sequence[tuple[str, bytes | None]]) -> bool:
    """Whether the record was a dead letter before and somebody sent it in again. It does not count: that
    old letters fail again says nothing about what the vendor sends now."""
    attempt = None
    for name, value in headers:
        if len(name) == len(_ATTEMPT) and name.lower() == _ATTEMPT:
            attempt = value
    return bool(attempt)
