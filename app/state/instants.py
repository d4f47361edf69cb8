"""The instant of an event in the two forms that rows need: integer microseconds for the stamps, and
canonical RFC 3339 text (UTC, six digits, `Z`) for the times that people read.

Canonical texts have one length and one zone, so they order like the instants they name: times that
rows hold as text are compared as text.
"""

from datetime import UTC, datetime
from typing import Final

from app.times import MICROS_PER_SECOND, YEAR_10000, format_micros, parse_rfc3339

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_CANONICAL_LENGTH: Final = len("2021-07-05T07:46:49.139224Z")
_SECONDS_PER_DAY: Final = 86_400
# The first and the last instant that a canonical text can name: the years 1 to 9999.
EARLIEST: Final = -62_135_596_800 * MICROS_PER_SECOND
LATEST: Final = YEAR_10000 - 1


def instant(text: str) -> tuple[int, str]:
    """Microseconds since 1970 and canonical text of an RFC 3339 time.

    Raises ValueError where the text is none (`decode_event` has refused such an event before).
    """
    if len(text) == _CANONICAL_LENGTH and text[10] == "T" and text[26] == "Z":
        # Three times as fast as the general parser: nearly every event has a time of this form.
        try:
            since = datetime.fromisoformat(text) - _EPOCH
        except ValueError:  # a leap second, which only the general parser knows
            pass
        else:
            seconds = since.days * _SECONDS_PER_DAY + since.seconds
            return seconds * MICROS_PER_SECOND + since.microseconds, text
    micros = parse_rfc3339(text)
    if micros is None:
        raise ValueError("expected an RFC 3339 time with an offset")
    return micros, format_micros(micros)
