"""The records whose latency is measured: which ones they are, and what of them has been seen. Pure."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from tests.tools.bench.bodies import encode, user_of
from tests.tools.bench.bodies.selfcommunity import profile_updated, score_updated
from tests.tools.soak.latency import Histogram

A_SECOND: Final = 500
"""So many samples a second at most: 20 s have ten beyond p99.9, and most of the load is usual records."""


class Sample(NamedTuple):
    """What a sampled record leads to: the key of its event and rows, and in how many tables it changes a
    row."""

    key: bytes
    rows: int


class Paced(NamedTuple):
    """A record. One without a `sample` is load only."""

    key: bytes
    body: bytes
    sample: Sample | None = None


class Latencies(NamedTuple):
    """In seconds, from the due time of a record to its canonical event, and to the last row that it
    changes."""

    events: Histogram
    rows: Histogram


def paced_records(first: int, count: int, users: int, every: int, sampled: Iterator[int]) -> list[Paced]:
    """Returns SelfCommunity's updates and scores, numbered from `first` on. Every so many of them is a
    sample, whose user comes from `sampled` and is in no other record: its next row is the answer."""
    found = []
    for number in range(first, first + count):
        if number % every:
            user, sample = user_of(number, users), None
            is_score = (number // users + user) % 2 == 0
        else:
            user, is_score = next(sampled), number // every % 2 == 0
            # A score changes both rows of its user, a profile the one in the table users.
            sample = Sample(b"selfcommunity/default/%d" % (user + 1), 2 if is_score else 1)
        make = score_updated if is_score else profile_updated
        found.append(Paced(b"%d" % user, encode(make(number, user)), sample))
    return found


class _OnItsWay:
    __slots__ = ("counts", "due", "rows", "seen")

    def __init__(self, due: float, rows: int, counts: bool) -> None:
        self.due = due
        self.rows = rows
        self.counts = counts
        self.seen = False


class Samples:
    """The samples on their way, and the latencies of those that have arrived. Times are seconds of one
    clock."""

    def __init__(self) -> None:
        self.latencies = Latencies(Histogram(), Histogram())
        self._waiting: dict[bytes, _OnItsWay] = {}

    def __len__(self) -> int:
        """Returns how many are on their way."""
        return len(self._waiting)

    def sent(self, sample: Sample, due: float, *, counts: bool) -> None:
        """A sample was sent that was due at this time. If it does not count, it is only waited for."""
        self._waiting[sample.key] = _OnItsWay(due, sample.rows, counts)

    def seen(self, key: bytes, now: float, *, is_event: bool) -> None:
        """A record with this key was read: a canonical event, or a row."""
        it = self._waiting.get(key)
        if it is None:
            return
        if is_event:
            if it.counts and not it.seen:
                self.latencies.events.add(now - it.due)
            it.seen = True
        else:
            it.rows -= 1
            if it.counts and it.rows == 0:
                self.latencies.rows.add(now - it.due)
        # The topics are read side by side, so rows may come here before their event.
        if it.seen and it.rows <= 0:
            del self._waiting[key]
