"""A histogram of ages that is fed with all records of a slice at once.

prometheus_client observes one value at a time, in Python, which would cost more than the rest of a worker's
metrics. Here a slice costs a sort, mostly of what is sorted, and one search for each bucket.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from app.times import format_micros, parse_rfc3339

BOUNDS: Final = (0.1, 0.2, 0.3, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0)
"""Seconds. Each bucket has the ages up to its bound."""
_MICROS: Final = 1_000_000
_MS: Final = 1000
# Of texts so many are parsed for the sum; the counts are exact.
_PARSED: Final = 8


class Ages:
    """The ages of some records, in buckets. An age below zero, by a clock that is ahead, counts as zero."""

    __slots__ = ("counts", "sum")

    def __init__(self, counts: Sequence[int], total: float) -> None:
        self.counts = counts
        """How many records have at most the age of each bound; the last one is the number of all records."""
        self.sum = total
        """In seconds."""

    def __len__(self) -> int:
        return self.counts[-1]

    def within(self, seconds: float) -> int:
        """Returns how many records have at most this age, which must be a bound."""
        return self.counts[BOUNDS.index(seconds)]


def ages_of_stamps(stamps: Iterable[int], now: int) -> Ages:
    """Returns the ages of records by their timestamps in milliseconds, at the time `now` in microseconds.
    Negative timestamps are left out: these records have none. Counts and sum are exact."""
    moments, now_ms = sorted(stamps), now // _MS
    if moments and moments[0] < 0:
        moments = moments[bisect_left(moments, 0) :]
    size = len(moments)
    counts = [size - bisect_left(moments, now_ms - round(bound * _MS)) for bound in BOUNDS]
    known = moments[: bisect_right(moments, now_ms)]
    return Ages([*counts, size], (now_ms * len(known) - sum(known)) / _MS)


def ages_of_times(times: Iterable[str], now: int) -> Ages:
    """Returns the ages of records by their times in the form of `format_micros`, at the time `now` in
    microseconds. The counts are exact, and the sum is taken of some of the records."""
    moments = sorted(times)
    size = len(moments)
    counts = [size - bisect_left(moments, format_micros(now - round(bound * _MICROS))) for bound in BOUNDS]
    step = max(-(-size // _PARSED), 1)
    some = moments[step // 2 :: step]
    ages = [max(now - micros, 0) for each in some if (micros := parse_rfc3339(each)) is not None]
    return Ages([*counts, size], sum(ages) / _MICROS * size / max(len(ages), 1))


class AgeHistogram(Collector):
    """A histogram with one label, or none."""

    def __init__(self, name: str, documentation: str, label: str, registry: CollectorRegistry) -> None:
        """`label`: its name; an empty text if there is none."""
        self.name = name
        self.documentation = documentation
        self.labels = (label,) if label else ()
        self._counts: dict[str, list[int]] = {}
        self._sums: dict[str, float] = {}
        registry.register(self)

    def observe(self, ages: Ages, label: str = "") -> None:
        """Adds ages to the series of a label's value."""
        before = self._counts.get(label)
        self._counts[label] = (
            list(ages.counts)
            if before is None
            else [one + other for one, other in zip(before, ages.counts, strict=True)]
        )
        self._sums[label] = self._sums.get(label, 0.0) + ages.sum

    def counts(self, label: str = "") -> Sequence[int]:
        """Returns the numbers of records of a series (`Ages.counts`); all are 0 if nothing was observed."""
        return self._counts.get(label) or [0] * (len(BOUNDS) + 1)

    def describe(self) -> list[Metric]:
        return [HistogramMetricFamily(self.name, self.documentation, labels=self.labels)]

    def collect(self) -> Iterator[Metric]:
        family = HistogramMetricFamily(self.name, self.documentation, labels=self.labels)
        for label, counts in self._counts.items():
            bounds = [*map(str, BOUNDS), "+Inf"]
            family.add_metric(
                [label][: len(self.labels)], list(zip(bounds, counts, strict=True)), self._sums[label]
            )
        yield family
