"""Judging single values: ids, names, clocks, dates, and what is left out of an event and named."""

import re
from datetime import date
from decimal import ROUND_DOWN, Context, Decimal, InvalidOperation
from typing import Final

import msgspec
from msgspec import UNSET, Raw, UnsetType

from app.bounds import MAX_ID_BYTES, MAYBE_NOTHING, is_nothing, too_long
from app.times import MICROS_PER_SECOND, normal_rfc3339, sortable
from app.vendors.model import Refused, refuse
from app.vendors.reading import NotJson

# Documentation samples sent by mistake: names of no event of any vendor.
_PLACEHOLDERS: Final = frozenset({"string", "<string>", ""})
# `user` is no other family in any case: what nobody documented of it may be a user's own state.
_OTHER_FAMILY = re.compile(r"(?!(?i:user)\.)[\w-]++(?:\.[\w-]++)+", re.ASCII)
_DATE = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_YEAR = re.compile(r"\d{4}", re.ASCII)
# Digits behind the zeros are bounded, so that no text costs more than its length.
_INTEGER_TEXT = re.compile(r"([+-]?)0*(\d{1,19})", re.ASCII)
_PLAIN_NUMBER = re.compile(rb"(\d{1,13})(?:\.(\d+))?")
# Any time so far off is a bad one: spares writing out numbers of hundreds of digits.
_FAR_OFF: Final = MICROS_PER_SECOND * 10**12
_CUTTING: Final = Context(prec=40, rounding=ROUND_DOWN)
# A character has at most four bytes.
_SURELY_SHORT: Final = MAX_ID_BYTES // 4
_INT64: Final = range(-(2**63), 2**63)


def event_name(value: object, place: str) -> str:
    """The vendor's event name. Raises Refused: `schema` where it is none, `unknown_event` where it
    is a placeholder of the vendors' documentation."""
    if type(value) is not str:
        refuse(place, "str")
    if value in _PLACEHOLDERS:
        raise Refused("unknown_event", f"{place}: expected a documented event name")
    return value


def unknown_event(place: str) -> Refused:
    return Refused("unknown_event", f"{place}: expected a documented event name")


def other_family(name: str) -> bool:
    """Whether the name is of a family that is not about a user's own state: `poll_vote.created`.

    True for two or more non-empty parts of ASCII letters, digits, `_` and `-`, joined by dots, of which
    the first is not `user` in any case. Vendors add families after every list, so there is no list.
    """
    return _OTHER_FAMILY.fullmatch(name) is not None


def identity(value: object) -> str | None:
    """An id, text or integer, as text, kept as sent; None if it is unusable.

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
    """A carried text or integer as text, whatever it says; None if it is absent or empty."""
    return None if value is None or value == "" else str(value)


def needed_id(value: object, place: str) -> str:
    # perf: saves 1 % of convert; plain form: the rest alone.
    if type(value) is str and len(value) <= _SURELY_SHORT and value[:1] not in MAYBE_NOTHING:
        return value
    sub = identity(value)
    if sub is None:
        refuse(place, "non-empty str or int")
    return sub


def integer(value: object, place: str) -> int:
    """A needed integer of 64 bits: a number whose value is one (`10`, `10.0`, `1e1`), or text (`+10`).

    Raises Refused for anything else.
    """
    if type(value) is int and value in _INT64:
        return value
    number = _int64(value)
    if number is None:
        refuse(place, "int")
    return number


def optional_integer(value: object, name: str, left_out: list[str]) -> int | None:
    """What `integer` returns; None if the value is absent, null or empty text, and if it is anything
    else, which appends `name` to `left_out`."""
    if type(value) is int and value in _INT64:
        return value
    if value is None or value is UNSET or value == "":
        return None
    number = _int64(value)
    if number is None:
        left_out.append(name)
    return number


def _int64(value: object) -> int | None:
    if type(value) is int:
        return value if value in _INT64 else None
    if type(value) is float:
        # As an int: a range looks for a float among all its numbers, one by one.
        return _int64(int(value)) if value.is_integer() else None
    if type(value) is str and (match := _INTEGER_TEXT.fullmatch(value)):
        number = int(match[1] + match[2])
        return number if number in _INT64 else None
    return None


def clock(value: object, place: str) -> str | None:
    """An RFC 3339 event time, as `Draft.time` has it; None where it is absent or null.

    Raises Refused for anything else: a clock that is there and cannot be read is no absent one.
    """
    if value is None or value is UNSET:
        return None
    text = normal_rfc3339(value) if type(value) is str else None
    if text is None:
        refuse(place, "an RFC 3339 time with an offset")
    return text


def number_clock(raw: Raw | UnsetType, unit: int, place: str) -> str | None:
    """A number of units of `unit` microseconds each, as `Draft.time` has it; None where absent or null.

    Read from the text of the number: a float holds a time of today to half a microsecond at best.
    Digits past microseconds are cut. Raises Refused (no number) and NotJson (out of range).
    """
    if raw is UNSET:
        return None
    text = bytes(raw).strip()
    if match := _PLAIN_NUMBER.fullmatch(text):
        whole, fraction = match.groups()
        micros = int(whole) * unit
        return sortable(micros + _cut(fraction, unit) if fraction else micros)
    if text == b"null":
        return None
    if text[:1] not in b"-0123456789":
        _must_read(text)
        refuse(place, "a number")
    return sortable(_rare_number(text, unit))


def _cut(fraction: bytes, unit: int) -> int:
    digits = len(str(unit)) - 1
    return int(fraction[:digits].ljust(digits, b"0"))


def _rare_number(text: bytes, unit: int) -> int:
    """Exponents, signs and very long numbers: exact, and no bigger than a float may be."""
    _must_read(text)
    try:
        value = _CUTTING.multiply(Decimal(text.decode()), unit)
    except InvalidOperation:
        # An exponent that even Decimal cannot hold, of a number that the decoder took for zero.
        return 0
    if abs(value) > _FAR_OFF:
        return _FAR_OFF if value > 0 else -_FAR_OFF
    return int(value)


def _must_read(text: bytes) -> None:
    try:
        msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise NotJson from None


def carried_time(value: str | None, name: str, odd: list[str]) -> str | None:
    """An optional time in the one form that leaves Rollcall; None and named odd where it is none."""
    if not value:
        return None
    text = normal_rfc3339(value)
    if text is None:
        odd.append(name)
    return text


def birthdate(value: str, name: str, odd: list[str]) -> str | None:
    """OpenID Connect's birthdate, `YYYY-MM-DD` or `YYYY`; None and named odd for another text."""
    if _YEAR.fullmatch(value) or (_DATE.fullmatch(value) and _exists(value)):
        return value
    odd.append(name)
    return None


def _exists(day: str) -> bool:
    try:
        # OpenID Connect's year 0000 says that the year is not told; 2000 has every day that there is.
        date.fromisoformat(f"2000{day[4:]}" if day.startswith("0000") else day)
    except ValueError:
        return False
    return True


def gender(value: str) -> str:
    """OpenID Connect spells the two values that it knows in lower case; others stay as sent."""
    lower = value.lower()
    return lower if lower in ("male", "female") else value
