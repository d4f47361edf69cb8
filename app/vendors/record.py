"""A record of a vendor topic, and what around its body matters: headers by name, and when it was recorded."""

import re
from collections.abc import Sequence
from functools import lru_cache
from typing import Final, Protocol

from app.times import AFTER_ALL, BEFORE_ALL, MICROS_PER_DAY, YEAR_10000, format_micros, sortable

NO_HEADERS: Final[dict[str, str]] = {}
_MILLISECONDS = re.compile(r"-?[0-9]{1,15}")
_LATEST: Final = format_micros(YEAR_10000 - 1)


class InputRecord(Protocol):
    """A record as Kafka's clients name its parts. `timestamp` is in milliseconds; None or a negative one
    means that the record has none.

    A header without a value is null, which means the same as empty text.
    """

    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int | None: ...
    @property
    def value(self) -> bytes | None: ...
    @property
    def headers(self) -> Sequence[tuple[str, bytes | None]]: ...


def headers_of(record: InputRecord) -> dict[str, str]:
    """The record's headers by name in lower case, as text.

    If a name repeats, the last value wins; a value that is empty or not UTF-8 counts as absent.
    """
    texts = {}
    for name, value in record.headers:
        try:
            texts[name.lower()] = value.decode() if value else ""
        except UnicodeDecodeError:
            texts[name.lower()] = ""
    return {name: text for name, text in texts.items() if text}


def timestamp_of(record: InputRecord, headers: dict[str, str]) -> int | None:
    """The record's timestamp in milliseconds.

    It is the original one if a redrive or a replay gives it in a header, else Kafka's.
    """
    original = headers.get("x-original-timestamp")
    return int(original) if original and _MILLISECONDS.fullmatch(original) else record.timestamp


# perf: saves 14 to 18 % of convert (make bench ARGS=convert); plain form: no cache. Under load many records
# share a millisecond.
@lru_cache(maxsize=1024)
def recorded_times(timestamp: int | None) -> tuple[str, str]:
    """When a record was recorded, and the latest time that its events may have, both as `Draft.time` has it.

    A record without a timestamp was recorded BEFORE_ALL; its events may have any time up to the year 9999.
    One of a later year was recorded AFTER_ALL; its events may have no time at all.
    """
    if timestamp is None or timestamp < 0:
        return BEFORE_ALL, _LATEST
    recorded = timestamp * 1000
    if recorded >= YEAR_10000:
        return AFTER_ALL, BEFORE_ALL
    return sortable(recorded), sortable(min(recorded + MICROS_PER_DAY, YEAR_10000 - 1))
