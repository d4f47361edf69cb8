"""When a vendor is held: too many of its latest records in a row are dead (contract, section 5).

Plain objects; `app.vendor_agent` asks before it writes anything of a slice.
"""

import re
from bisect import bisect_left
from collections import deque
from collections.abc import Mapping, Sequence
from typing import Final

from app.lane import Slice

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
        self._dead: deque[int] = deque()
        """The numbers, from 0, of the dead records that are in the window."""

    def exceeds(self, count: int, dead: Sequence[int]) -> bool:
        """Whether the limit was exceeded after any of the next `count` records.

        `dead`: which of them are dead, in ascending order, from 0. They count as seen, whatever the answer.
        """
        numbers = [self._seen + index for index in dead]
        fills = self._seen < self._window <= self._seen + count
        # The share rises only where a record is dead, but the record that fills the window may live.
        exceeded = fills and self._over(len(self._dead) + bisect_left(numbers, self._window))
        for number in numbers:
            self._dead.append(number)
            while self._dead[0] <= number - self._window:
                self._dead.popleft()
            exceeded |= number >= self._window - 1 and self._over(len(self._dead))
        self._seen += count
        return exceeded

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
        until = self._passed.get(records.partition, 0)
        passed = 0 if records.first >= until else sum(record.offset < until for record in records.records)
        judged = [index - passed for index in dead if index >= passed]
        if not self._share.exceeds(len(records) - passed, judged):
            return None
        self._share.restart()
        return f"dead letters up to {records.partition}/{records.next_offset}"

    def resume(self, notes: Mapping[tuple[str, int], str]) -> None:
        """An operator has looked and says: go on. The records that led to the hold pass, those after
        them are judged anew. `notes`: those of the partitions that go on."""
        self._share.restart()
        for note in notes.values():
            if match := _NOTE.fullmatch(note):
                partition, offset = map(int, match.groups())
                self._passed[partition] = max(offset, self._passed.get(partition, 0))
