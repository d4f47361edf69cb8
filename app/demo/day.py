"""The one day on which all stories happen, in the notations of the vendors and of Rollcall.

A fixed day makes ids and rows the same in every run. Reads its times with the standard library and
not with `app.times`, which is part of what the demo shows.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Final

DAY: Final = date(2025, 6, 2)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def _instant(clock: str) -> datetime:
    return datetime.combine(DAY, time.fromisoformat(clock), UTC)


def micros(clock: str) -> int:
    """`"09:30"` of the day as the stamps of rows have it: microseconds since 1970."""
    return (_instant(clock) - _EPOCH) // timedelta(microseconds=1)


def stated(clock: str) -> str:
    """As every time leaves Rollcall: `2025-06-02T09:30:00.000000Z`."""
    return _instant(clock).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def iso(clock: str) -> str:
    """As most vendors send it: `2025-06-02T09:30:00.000Z`."""
    return f"{stated(clock)[:-4]}Z"


def seconds(clock: str) -> float:
    """SelfCommunity's clock."""
    return micros(clock) / 1_000_000


def millis(clock: str) -> int:
    """Fynd's clock."""
    return micros(clock) // 1000
