"""How long things have been under way: what health and the watchdog look at."""

from collections import deque
from collections.abc import Callable, Iterable, Mapping
from time import monotonic

from app.lane.offsets import Flight
from app.lane.slices import Partition


class Ages:
    """Ages in seconds of the given clock; 0.0 while nothing is under way.

    An offset is under way from the dispatch of its slice until it is committed.
    """

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._uncommitted: dict[Partition, deque[tuple[int, float]]] = {}
        self._unacknowledged: dict[Flight, float] = {}

    def dispatched(self, flight: Flight) -> None:
        now = self._clock()
        self._unacknowledged[flight] = now
        self._uncommitted.setdefault(flight.partition, deque()).append((flight.last + 1, now))

    def acknowledged(self, flight: Flight) -> None:
        """The slice is done, or was taken back."""
        self._unacknowledged.pop(flight, None)

    def withdrawn(self, flight: Flight) -> None:
        """The slice was taken back, together with every later one of its partition."""
        self.acknowledged(flight)
        waiting = self._uncommitted.get(flight.partition, deque())
        while waiting and waiting[-1][0] > flight.last:
            waiting.pop()

    def committed(self, offsets: Mapping[Partition, int]) -> None:
        for partition, offset in offsets.items():
            waiting = self._uncommitted.get(partition, deque())
            while waiting and waiting[0][0] <= offset:
                waiting.popleft()

    def forget(self, partitions: Iterable[Partition]) -> None:
        """Nothing of these partitions is under way any more."""
        for partition in partitions:
            self._uncommitted.pop(partition, None)

    def oldest_slice(self) -> float:
        """Age of the oldest dispatched slice that is not acknowledged."""
        return self._clock() - next(iter(self._unacknowledged.values()), self._clock())

    def oldest_flight(self) -> Flight | None:
        """That slice."""
        return next(iter(self._unacknowledged), None)

    def commits(self) -> dict[Partition, float]:
        """Age of the oldest uncommitted offset, for each partition that was ever dispatched from."""
        now = self._clock()
        return {
            partition: now - waiting[0][1] if waiting else 0.0
            for partition, waiting in self._uncommitted.items()
        }
