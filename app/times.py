"""Instants: as integers, microseconds since 1970-01-01T00:00:00Z, and as RFC 3339 text.

Both forms are exact, and both sort in the order of the instants. The registers of `app.state` compare the
integers; the mappers, which mostly get text and need text, compare the texts that `format_micros` and
`normal_rfc3339` return.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

MICROS_PER_SECOND: Final = 1_000_000
MICROS_PER_DAY: Final = 86_400 * MICROS_PER_SECOND

YEAR_2000: Final = 946_684_800 * MICROS_PER_SECOND
YEAR_10000: Final = 253_402_300_800 * MICROS_PER_SECOND
# Texts that sort before and after the text of every instant.
BEFORE_ALL: Final = ""
AFTER_ALL: Final = "~"

# RFC 3339, section 5.6; its note allows a blank between date and time.
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
# perf: nearly all times that vendors send are like `2021-07-05T07:46:49Z`, with no, three or six fraction
# digits. In these every third character from the fifth on is a mark, and Python's own parser checks the
# digits; plain form: `_RFC3339` for every text.
_MARKS: Final = slice(4, 20, 3)
# By length: the marks, how much of the text stays, and what follows then.
_USUAL: Final = {20: ("--T::Z", 19, ".000000Z"), 24: ("--T::.", 23, "000Z"), 27: ("--T::.", 27, "")}
_MARKS_BY_LENGTH: Final = {length: marks for length, (marks, _, _) in _USUAL.items()}
_CANONICAL_LENGTH: Final = 27
_parse: Final = datetime.fromisoformat
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_rfc3339(text: str) -> int | None:
    """Returns the instant of an RFC 3339 date-time in microseconds since 1970, or None if the text is no such
    time.

    An offset is required. Fraction digits beyond microseconds are cut, not rounded. A leap second (`:60`) is
    the first instant of the next minute, as in POSIX time. The result is also None if the offset moves the
    instant out of the years 1 to 9999 of UTC, because no RFC 3339 text in UTC could show it.
    """
    if _MARKS_BY_LENGTH.get(len(text)) == text[_MARKS] and text[-1] == "Z":
        try:
            since = datetime.fromisoformat(text) - _EPOCH
        except ValueError:
            pass  # a leap second, which the pattern below knows, or no time
        else:
            return (since.days * 86_400 + since.seconds) * MICROS_PER_SECOND + since.microseconds
    match = _RFC3339.fullmatch(text)
    if match is None:
        return None
    date, clock, seconds, fraction, offset = match.groups()
    leap = seconds == "60"
    zone = "+00:00" if offset in "Zz" else offset
    try:
        since = datetime.fromisoformat(f"{date}T{clock}{'59' if leap else seconds}{zone}") - _EPOCH
    except ValueError:
        return None
    micros = (since.days * 86_400 + since.seconds) * MICROS_PER_SECOND
    if leap:
        micros += MICROS_PER_SECOND
    elif fraction:
        micros += int(fraction[:6].ljust(6, "0"))
    return micros if _YEAR_1 <= micros < YEAR_10000 else None


def is_canonical(text: str) -> bool:
    """Returns whether the text is an instant in exactly the form that `format_micros` returns."""
    if len(text) != _CANONICAL_LENGTH or text[_MARKS] != "--T::." or text[-1] != "Z":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def normal_rfc3339(text: str) -> str | None:
    """Returns `format_micros(parse_rfc3339(text))`, or None if the text is no time."""
    usual = _USUAL.get(len(text))
    if usual is not None:
        marks, kept, end = usual
        if text[_MARKS] == marks and text[-1] == "Z":
            try:
                _parse(text)
            except ValueError:
                pass  # a leap second, or no time
            else:
                return text[:kept] + end
    micros = parse_rfc3339(text)
    return None if micros is None else format_micros(micros)


_YEAR_1: Final = -62_135_596_800 * MICROS_PER_SECOND
# perf: formatting times is a tenth of the cost of an event. The 1 in front of seconds and microseconds keeps
# their leading zeros, and no other way is as fast; plain form: `datetime.isoformat` with six digits.
_EIGHT_DIGITS: Final = 10**8


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> str:
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[:17]


def format_micros(micros: int) -> str:
    """Returns RFC 3339 text in UTC with six fraction digits and `Z`: `2021-07-05T07:46:49.139224Z`.

    Raises OverflowError outside the years 1 to 9999.
    """
    minutes, rest = divmod(micros, 60 * MICROS_PER_SECOND)
    text = str(rest + _EIGHT_DIGITS)
    return f"{_minute(minutes)}{text[1:3]}.{text[3:]}Z"


def sortable(micros: int) -> str:
    """Returns `format_micros(micros)`; BEFORE_ALL or AFTER_ALL if the year is not one of 1 to 9999."""
    if _YEAR_1 <= micros < YEAR_10000:
        return format_micros(micros)
    return BEFORE_ALL if micros < 0 else AFTER_ALL
