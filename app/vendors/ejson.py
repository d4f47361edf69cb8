"""Dates of vendors that keep their data in MongoDB: RFC 3339 text, or EJSON as MongoDB writes it.

EJSON is `{"$date": ...}` of milliseconds, of text, or of `{"$numberLong": "..."}`, which is the
milliseconds as text, EJSON's canonical form.
"""

import re
from typing import Final

from msgspec import UNSET

from app.times import AFTER_ALL, BEFORE_ALL, normal_rfc3339, sortable
from app.vendors.model import invalid

# As many digits as a number can have at all; Python refuses to read thousands.
_LONG = re.compile(r"-?[0-9]{1,308}")
_FAR_OFF: Final = 10**15  # milliseconds: some 30,000 years


def ejson_event_time(value: object, path: str) -> str | None:
    """An event time, as `Draft.time` has it; None if it is absent or null.

    Raises Invalid for anything else.
    """
    if value is None or value is UNSET:
        return None
    text = _instant(value)
    if text is None:
        invalid(path, "an RFC 3339 time with an offset or an EJSON date")
    return text


def ejson_carried_time(value: object, name: str, left_out: list[str]) -> str | None:
    """An optional time in the one form that leaves Rollcall.

    None if it is absent, null or empty, and if it is anything else, which appends `name` to `left_out`.
    """
    if value is None or value is UNSET or value == "":
        return None
    text = ejson_date(value)
    if text is None:
        left_out.append(name)
    return text


def ejson_date(value: object) -> str | None:
    """A date in the one form that leaves Rollcall; None for anything else, and for an instant that no year
    of four digits holds."""
    if type(value) is str:
        return normal_rfc3339(value)
    text = _instant(value)
    return None if text in (BEFORE_ALL, AFTER_ALL) else text


def _instant(value: object) -> str | None:
    """A date as `Draft.time` has it, None for anything else."""
    if type(value) is dict:
        value = value.get("$date")
        if type(value) is dict:
            value = _long(value.get("$numberLong"))
        if type(value) is int or type(value) is float:
            # Farther off than any time, and a float's thousandfold may be infinite.
            return sortable(int(max(-_FAR_OFF, min(value, _FAR_OFF)) * 1000))
    return normal_rfc3339(value) if type(value) is str else None


def _long(text: object) -> int | None:
    return int(text) if type(text) is str and _LONG.fullmatch(text) else None
