"""What workers say of themselves, added up by source: a vendor's topic, or the canonical one."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from msgspec import Struct

from app.status import Status, TopicStatus
from app.times import parse_rfc3339

_EVENTS: Final = "events"
_MICROS: Final = 1_000_000


class SourceTotals(Struct, kw_only=True):
    """A topic that workers read, over all of these workers."""

    name: str
    """The vendor, or `events` for the canonical topic."""
    partitions: int
    """How many of its partitions these workers have."""
    handled: int
    """Records since the workers started, with `skipped` and `dead` ones."""
    skipped: int
    dead: int
    rate: float | None
    """Records a second between two answers; None if no worker has given two."""
    lag_records: int | None
    lag_seconds: float | None
    pauses: dict[str, int]
    """The number of paused partitions by reason."""


class Handled(Struct):
    """What a worker has handled of one topic since it started."""

    records: int = 0
    skipped: int = 0
    dead: int = 0


def sources(now: Sequence[Status], rates: Iterable[Mapping[str, float]] = ()) -> list[SourceTotals]:
    """Returns the sources of these workers, in the order in which they name them. `rates`: by source, the
    rates of those workers that have one (`rates_between`)."""
    rates = list(rates)
    names = dict.fromkeys(topic.vendor for status in now for topic in status.topics)
    known = {name: [each[name] for each in rates if name in each] for name in names}
    return [_source(name, now, sum(known[name]) if known[name] else None) for name in names]


def _source(name: str, now: Sequence[Status], rate: float | None) -> SourceTotals:
    topics = [topic for status in now for topic in status.topics if topic.vendor == name]
    handled = [handled_of(status).get(name, Handled()) for status in now]
    partitions = [each for topic in topics for each in topic.partitions]
    return SourceTotals(
        name=name,
        partitions=len(partitions),
        handled=sum(each.records for each in handled),
        skipped=sum(each.skipped for each in handled),
        dead=sum(each.dead for each in handled),
        rate=rate,
        lag_records=_sum(topics),
        lag_seconds=max((each.lag_seconds for each in topics if each.lag_seconds is not None), default=None),
        pauses=dict(Counter(each.paused for each in partitions if each.paused is not None)),
    )


def _sum(topics: Sequence[TopicStatus]) -> int | None:
    lags = [topic.lag_records for topic in topics if topic.lag_records is not None]
    return sum(lags) if lags else None


def handled_of(status: Status) -> dict[str, Handled]:
    """Returns by source what a worker has handled since it started."""
    dead = sum(status.canonical_dead.values())
    return {
        **{
            each.vendor: Handled(each.received, sum(each.skipped.values()), sum(each.dead.values()))
            for each in status.vendors
        },
        _EVENTS: Handled(sum(status.effects.values()) + dead, 0, dead),
    }


def rates_between(before: Status, now: Status) -> dict[str, float] | None:
    """Returns by source how many records a second a worker has handled between two of its answers; None if
    they say nothing about that: it is one answer twice, or the worker was restarted."""
    began, ended = parse_rfc3339(before.time), parse_rfc3339(now.time)
    if began is None or ended is None or ended <= began or now.uptime_seconds < before.uptime_seconds:
        return None
    seconds, earlier = (ended - began) / _MICROS, handled_of(before)
    return {
        name: max(each.records - earlier.get(name, Handled()).records, 0) / seconds
        for name, each in handled_of(now).items()
    }
