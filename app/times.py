"""Instants as integers: microseconds since 1970-01-01T00:00:00Z, and their RFC 3339 text.

Both are exact and order like the instants they name. The registers of `app.state` rely on it for integers,
and the mappers, which mostly have text and want text, for what `format_micros` and `normal_rfc3339` write.
"""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Final

MICROS_PER_SECOND: Final = 1_000_000
MICROS_PER_DAY: Final = 86_400 * MICROS_PER_SECOND

YEAR_2000: Final = 946_684_800 * MICROS_PER_SECOND
YEAR_10000: Final = 253_402_300_800 * MICROS_PER_SECOND
# What sorts before and after every time that can be written.
BEFORE_ALL: Final = ""
AFTER_ALL: Final = "~"

# RFC 3339 section 5.6, with the blank that its note allows between date and time.
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:)(\d\d)(?:\.(\d+))?([Zz]|[+-](?:[01]\d|2[0-3]):[0-5]\d)",
    re.ASCII,
)
# What vendors send nearly always: `2021-07-05T07:46:49Z`, with three or six fraction digits or none.
# Every third character from the fifth on is a mark; Python's own parser sees to the digits between.
_MARKS: Final = slice(4, 20, 3)
_MARKS_BY_LENGTH: Final = {20: "--T::Z", 24: "--T::.", 27: "--T::."}
_CANONICAL_LENGTH: Final = 27
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def parse_rfc3339(text: str) -> int | None:
    """The instant of an RFC 3339 date-time in microseconds, or None where the text is none.

    An offset is required. Fraction digits past microseconds are cut, not rounded. A leap second
    (`:60`) is the first instant of the next minute, as POSIX time has it. An instant outside the
    years 1 to 9999 of UTC, which only an offset can reach, is none: nobody could write it down.
    """
    if _MARKS_BY_LENGTH.get(len(text)) == text[_MARKS] and text[-1] == "Z":
        try:
            since = datetime.fromisoformat(text) - _EPOCH
        except ValueError:
            pass  # a leap second, or nonsense
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
    """Whether a text is an instant in exactly the form that `format_micros` writes."""
    if len(text) != _CANONICAL_LENGTH or text[_MARKS] != "--T::." or text[-1] != "Z":
        return False
    try:
        datetime.fromisoformat(text)
    except ValueError:
        return False
    return True


def normal_rfc3339(text: str) -> str | None:
    """`format_micros(parse_rfc3339(text))`, and None where the text is no time."""
    if _MARKS_BY_LENGTH.get(len(text)) == text[_MARKS] and text[-1] == "Z":
        try:
            datetime.fromisoformat(text)
        except ValueError:
            pass
        else:
            match len(text):
                case 27:
                    return text
                case 24:
                    return text[:23] + "000Z"
                case _:
                    return text[:19] + ".000000Z"
    micros = parse_rfc3339(text)
    return None if micros is None else format_micros(micros)


_YEAR_1: Final = -62_135_596_800 * MICROS_PER_SECOND
# Writing times is a tenth of what an event costs.
# Seconds and microseconds with a digit before them, which keeps their zeros: as fast as none other.
_EIGHT_DIGITS: Final = 10**8


@lru_cache(maxsize=4096)
def _minute(minutes: int) -> str:
    return (_EPOCH + timedelta(minutes=minutes)).isoformat()[:17]


def format_micros(micros: int) -> str:
    """RFC 3339 text in UTC with six fraction digits and `Z`, `2021-07-05T07:46:49.139224Z`.

    Raises OverflowError outside the years 1 to 9999.
    """
    minutes, rest = divmod(micros, 60 * MICROS_PER_SECOND)
    text = str(rest + _EIGHT_DIGITS)
    return f"{_minute(minutes)}{text[1:3]}.{text[3:]}Z"


def sortable(micros: int) -> str:
    """`format_micros`; for an instant that no year of four digits holds BEFORE_ALL or AFTER_ALL."""
    if _YEAR_1 <= micros < YEAR_10000:
        return format_micros(micros)
    return BEFORE_ALL if micros < 0 else AFTER_ALL
