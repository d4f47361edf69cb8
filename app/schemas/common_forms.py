"""The forms of values that occur in many places: a document defines each once and refers to it."""

from typing import Final, NamedTuple

from app.bounds import MAX_ID_BYTES
from app.state.rules.instants import EARLIEST, LATEST
from app.vendors.needed import EJSON, INT64, RFC_3339, USABLE_ID, Json


class CommonForm(NamedTuple):
    """What the form means, and its keywords."""

    text: str
    schema: Json


# An id as it leaves Rollcall is a text in any case.
SUBJECT_TEXT: Final[Json] = {**USABLE_ID, "type": "string"}
INSTANT: Final[Json] = {
    "type": "string",
    "format": "date-time",
    "pattern": r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{6}Z$",
}
MICROS: Final[Json] = {"type": "integer", "minimum": EARLIEST, "maximum": LATEST}

COMMON_FORMS: Final[dict[str, CommonForm]] = {
    "Rfc3339": CommonForm("RFC 3339 with an offset.", RFC_3339),
    "EjsonDate": CommonForm(
        "EJSON: milliseconds since 1970, RFC 3339, or the milliseconds as text.",
        EJSON,
    ),
    "Integer64": CommonForm("An integer of 64 bits, or its text.", INT64),
    "UsableId": CommonForm(
        f"An id, at most {MAX_ID_BYTES} bytes. A blank text is no id, nor is what broken producers write for"
        " nothing.",
        USABLE_ID,
    ),
    "Subject": CommonForm(
        f"The vendor's id of the user, as text of at most {MAX_ID_BYTES} bytes.", SUBJECT_TEXT
    ),
    "Instant": CommonForm("RFC 3339 in UTC, with six fraction digits and `Z`.", INSTANT),
    "Microseconds": CommonForm("Microseconds since 1970 of an instant in the years 1 to 9999.", MICROS),
}
"""By name. Of two forms that fit the same value the first one counts."""
