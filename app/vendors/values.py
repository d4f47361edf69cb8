"""Single values of a body: ids, integers, times; required ones, and ones that are left out if unusable."""

import re
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation
from functools import lru_cache
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.bounds import MAX_ID_BYTES, MAYBE_NOTHING, is_nothing, too_long
from app.times import MICROS_PER_SECOND, format_micros, normal_rfc3339, sortable
from app.vendors.model import invalid
from app.vendors.tolerant_reader import NotJson

# Digits after the zeros are bounded, so that no text costs more than its length.
_INTEGER_TEXT = re.compile(r"([+-]?)0*(\d{1,19})", re.ASCII)
_PLAIN_NUMBER = re.compile(rb"(\d{1,13})(?:\.(\d+))?")
_NUMBER_IN_TEXT = re.compile(rb'"(\d{1,13}(?:\.\d+)?)"')
# Any time so far off is a bad one: a number of hundreds of digits need not be written out.
_FAR_OFF: Final = MICROS_PER_SECOND * 10**12
_CUTTING: Final = Context(prec=40, rounding=ROUND_DOWN)
# A character has at most four bytes.
_SURELY_SHORT: Final = MAX_ID_BYTES // 4
_RFC_3339: Final = "an RFC 3339 time with an offset"
# The units of `epoch_time`, in microseconds.
SECOND: Final = MICROS_PER_SECOND
MILLISECOND: Final = 1000
# Digits: of the seconds after the year 5138, and of a fraction that has to be cut.
_FAR, _LONG = 12, 7
_ZEROS_AFTER: Final = tuple("0" * (6 - digits) for digits in range(_LONG))
_UP_TO_FRACTION: Final = len("2021-07-05T07:46:49.")
# An integer below this has fewer digits than an id may have bytes.
_SHORT_INTEGER: Final = 10**18
_MIN_INT64: Final = -(2**63)
_MAX_INT64: Final = 2**63 - 1


def id_text(value: object) -> str | None:
    """The text of an id that is a text or an integer, as it was sent; None if it is unusable.

    Unusable are blank text, a text that broken producers write for nothing, and more than MAX_ID_BYTES.
    """
    if type(value) is str:
        if len(value) <= _SURELY_SHORT and value[:1] not in MAYBE_NOTHING:
            return value
        return None if is_nothing(value) or too_long(value, MAX_ID_BYTES) else value
    if type(value) is int:
        text = str(value)
        return text if len(text) <= MAX_ID_BYTES else None
    return None


def text_of(value: str | int | None) -> str | None:
    """The text of a carried text or integer, whatever it says; None if it is absent or empty."""
    return None if value is None or value == "" else str(value)


def require_id(value: object, path: str) -> str:
    """What `id_text` returns. Raises Invalid if the id is unusable."""
    # perf: saves 1 to 2 % of convert (make bench ARGS=convert); plain form: the rest alone.
    if type(value) is str:
        if len(value) <= _SURELY_SHORT and value[:1] not in MAYBE_NOTHING:
            return value
    elif type(value) is int and 0 <= value < _SHORT_INTEGER:
        return str(value)
    sub = id_text(value)
    if sub is None:
        invalid(path, "non-empty str or int")
    return sub


def require_integer(value: object, path: str) -> int:
    """An integer of 64 bits, from a number whose value is an integer (`10`, `10.0`, `1e1`) or a text (`+10`).

    Raises Invalid for anything else.
    """
    if type(value) is int and _MIN_INT64 <= value <= _MAX_INT64:
        return value
    number = _int64(value)
    if number is None:
        invalid(path, "int")
    return number


def optional_integer(value: object, name: str, left_out: list[str]) -> int | None:
    """What `require_integer` returns; None if the value is absent, null or empty text.

    Also None if it is unusable, and then `left_out` gets the `name`.
    """
    if type(value) is int and _MIN_INT64 <= value <= _MAX_INT64:
        return value
    if value is None or value is UNSET or value == "":
        return None
    number = _int64(value)
    if number is None:
        left_out.append(name)
    return number


def _int64(value: object) -> int | None:
    if type(value) is int:
        return value if _MIN_INT64 <= value <= _MAX_INT64 else None
    if type(value) is float:
        return _int64(int(value)) if value.is_integer() else None
    if type(value) is str and (match := _INTEGER_TEXT.fullmatch(value)):
        number = int(match[1] + match[2])
        return number if _MIN_INT64 <= number <= _MAX_INT64 else None
    return None


def require_event_time(value: object, path: str) -> str:
    """An RFC 3339 event time, as `Draft.time` has it. Raises Invalid for anything else."""
    return (normal_rfc3339(value) if type(value) is str else None) or invalid(path, _RFC_3339)


def event_time(value: object, path: str) -> str | None:
    """The same of a time that may be absent or null, for which it returns None.

    Raises Invalid for anything else: a time that is there and cannot be read does not count as absent.
    """
    if value is None or value is UNSET:
        return None
    text = normal_rfc3339(value) if type(value) is str else None
    if text is None:
        invalid(path, _RFC_3339)
    return text


def require_epoch_time(raw: Raw | UnsetType, unit: int, path: str, *, or_text: bool = False) -> str:
    """What `epoch_time` returns. Raises Invalid if the number is absent or null, too."""
    # perf: saves 10 % of convert (make bench ARGS=convert); plain form: `epoch_time` for every number.
    if unit == SECOND and raw is not UNSET:
        # In Latin-1 each byte is a character, and only the digits of ASCII are decimal ones.
        whole, _, fraction = str(raw, "latin-1").partition(".")
        short = len(whole) < _FAR and len(fraction) < _LONG
        if short and fraction.isdecimal() and (start := _up_to_fraction(whole)):
            return f"{start}{fraction}{_ZEROS_AFTER[len(fraction)]}Z"
    time = epoch_time(raw, unit, path, or_text=or_text)
    if time is None:
        invalid(path, "a number")
    return time


def epoch_time(raw: Raw | UnsetType, unit: int, path: str, *, or_text: bool = False) -> str | None:
    """An event time, as `Draft.time` has it, of a number of seconds or milliseconds since 1970 (`unit`).

    Returns None if the number is absent or null. The struct has it as `Raw`, because a float holds a time of
    today to half a microsecond at best. Digits past microseconds are cut. `or_text`: the number may also
    stand in a text. Raises Invalid if it is no number, and NotJson if it is out of range.
    """
    if raw is UNSET:
        return None
    text = bytes(raw).strip()
    if or_text and (quoted := _NUMBER_IN_TEXT.fullmatch(text)):
        text = quoted[1]
    if match := _PLAIN_NUMBER.fullmatch(text):
        whole, fraction = match.groups()
        micros = int(whole) * unit
        return sortable(micros + _cut(fraction, unit) if fraction else micros)
    if text == b"null":
        return None
    if text[:1] not in b"-0123456789":
        _must_read(text)
        invalid(path, "a number")
    return sortable(_rare_number(text, unit))


# Neighbours in a topic often share a second, so it is also judged only once whether the text has only digits.
@lru_cache(maxsize=4096)
def _up_to_fraction(seconds: str) -> str | None:
    if not seconds.isdecimal():
        return None
    return format_micros(int(seconds) * MICROS_PER_SECOND)[:_UP_TO_FRACTION]


def _cut(fraction: bytes, unit: int) -> int:
    digits = len(str(unit)) - 1
    return int(fraction[:digits].ljust(digits, b"0"))


def _rare_number(text: bytes, unit: int) -> int:
    """Microseconds of a number with an exponent, a sign or very many digits: exact, cut to a far-off time."""
    _must_read(text)
    try:
        value = _CUTTING.multiply(Decimal(text.decode()), unit)
    except InvalidOperation:
        # The decoder took the number for zero, because even Decimal cannot hold its exponent.
        return 0
    if abs(value) > _FAR_OFF:
        return _FAR_OFF if value > 0 else -_FAR_OFF
    return int(value)


def _must_read(text: bytes) -> None:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJson from None


def carried_time(value: str | None, name: str, left_out: list[str]) -> str | None:
    """An optional RFC 3339 time in the one form that leaves Rollcall, UTC with six digits.

    None if it is absent or empty, and if it is no time, which appends `name` to `left_out`.
    """
    if not value:
        return None
    text = normal_rfc3339(value)
    if text is None:
        left_out.append(name)
    return text
