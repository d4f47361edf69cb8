"""How long records took on their way through the workers, by the timestamps in the logs."""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

import msgspec

from app.times import parse_rfc3339
from tests.kafka import Record

_SHARE: Final = 0.99


class _Event(msgspec.Struct):
    recordedtime: str | None = None


def delays(canonical: Iterable[Record], users: Iterable[Record]) -> tuple[list[float], list[float]]:
    """Returns the seconds from each vendor's record until its event was appended, and until the next row of
    its user was. An event of which the record had no timestamp, or after which no row was written, is left
    out."""
    rows: dict[bytes, list[int]] = defaultdict(list)
    for record in users:
        rows[record.key or b""].append(record.timestamp)
    for stamps in rows.values():
        stamps.sort()
    to_event, to_row = [], []
    for record in canonical:
        recorded = msgspec.json.decode(record.value or b"{}", type=_Event).recordedtime
        if recorded is None or (micros := parse_rfc3339(recorded)) is None:
            continue
        to_event.append(record.timestamp / 1e3 - micros / 1e6)
        stamps = rows.get(record.key or b"", [])
        place = bisect_left(stamps, record.timestamp)
        if place < len(stamps):
            to_row.append(stamps[place] / 1e3 - micros / 1e6)
    return to_event, to_row


def told(canonical: Iterable[Record], users: Iterable[Record]) -> str:
    """Returns the time within which 99 of 100 came, as a note of a case."""
    event, row = map(_within, delays(canonical, users))
    return f"99 of 100 events within {event:.1f} s of their record, rows within {row:.1f} s"


def _within(found: Sequence[float]) -> float:
    return sorted(found)[int(_SHARE * (len(found) - 1))] if found else 0.0
