"""The instant of an event in the two forms that rows need: integer microseconds for the stamps, and
canonical RFC 3339 text (UTC, six digits, `Z`) for the times that people read.

All canonical texts have one length and one zone, so they sort like the instants that they name. That is why
times which rows hold as text are compared as text.
"""

from typing import Final

from msgspec import Struct

from app.times import MICROS_PER_SECOND, YEAR_10000, format_micros, parse_rfc3339

# The first and the last instant that a canonical text can name: the years 1 to 9999.
EARLIEST: Final = -62_135_596_800 * MICROS_PER_SECOND
LATEST: Final = YEAR_10000 - 1


class Instant(Struct, frozen=True, gc=False):
    """One instant in both forms: microseconds since 1970, and canonical text."""

    micros: int
    text: str


def instant(text: str) -> Instant:
    """The instant of an event's time. Raises ValueError if `text` is no RFC 3339 time, which `decode_event`
    does not let pass."""
    micros = micros_of(text)
    return Instant(micros, format_micros(micros))


def micros_of(text: str) -> int:
    """Microseconds since 1970 of a time that an event or a row holds. Raises ValueError like `instant`."""
    micros = parse_rfc3339(text)
    if micros is None:
        raise ValueError("expected an RFC 3339 time with an offset")
    return micros
