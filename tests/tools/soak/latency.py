"""Counts the latencies of any number of events in one small array."""

import math
from typing import Final

_FLOOR_SECONDS: Final = 0.001
"""Kafka's timestamps are in milliseconds."""
_GROWTH: Final = 1.02
_BUCKETS: Final = 900
"""Enough for 14 hours; the last bucket counts everything that is longer."""


class Histogram:
    """Counts by latency, in buckets each 2 % wider than the one before."""

    def __init__(self) -> None:
        self._counts = [0] * _BUCKETS

    def add(self, seconds: float) -> None:
        bucket = 0
        if seconds > _FLOOR_SECONDS:
            bucket = 1 + int(math.log(seconds / _FLOOR_SECONDS) / math.log(_GROWTH))
        self._counts[min(bucket, _BUCKETS - 1)] += 1

    def percentile(self, share: float) -> float | None:
        """Returns the latency in seconds that `share` of all latencies do not exceed, up to 2 % too large.
        None if there are no latencies."""
        wanted = share * sum(self._counts)
        reached = 0
        for bucket, count in enumerate(self._counts):
            reached += count
            if count and reached >= wanted:
                return _FLOOR_SECONDS * math.pow(_GROWTH, bucket)
        return None
