"""The sizes that the parts of an event may have, and the texts that mean "no value"
(docs/events.md#bounds)."""

import re
from collections.abc import Iterable
from typing import Any, Final

import msgspec
from msgspec import UNSET

MAX_ID_BYTES: Final = 1024
MAX_VALUE_BYTES: Final = 16 << 10
MAX_TEXT_BYTES: Final = 1 << 10
MAX_NAMES: Final = 200
MAX_NAME_BYTES: Final = 256
# No value in a JSON text of at most this many bytes can be too large when it is encoded again: `1e15,` grows
# most, to `1000000000000000.0,`, which is less than four times as long.
NO_LARGE_VALUE: Final = 3000
# The same for the texts that MAX_TEXT_BYTES bounds: a text is never longer when it is encoded again.
NO_LARGE_TEXT: Final = 1000

# What broken producers send in place of a missing value; compared in lower case, without white space around.
NOTHING: Final = frozenset({"", "undefined", "null", "none", "nil", "nan", "[object object]"})
_BLANKS: Final = frozenset(char for char in map(chr, range(0x10000)) if char.isspace())
# The first character of each such text, and "" for the empty one. Nearly no id begins with one of these, so
# one look-up is enough for most.
MAYBE_NOTHING: Final = _BLANKS | {"", *"uUnN["}
_UTF8_BYTES: Final = 4
_ESCAPED_BYTES: Final = 6

_encode = msgspec.json.Encoder().encode


def is_nothing(text: str) -> bool:
    """Returns whether an id or tenant is blank, or a text that broken producers send for a missing value."""
    return text[:1] in MAYBE_NOTHING and text.strip().lower() in NOTHING


def too_long(text: str, limit: int) -> bool:
    """Returns whether the text has more than `limit` bytes of UTF-8."""
    return len(text) * _UTF8_BYTES > limit and len(text.encode()) > limit


def too_large(value: object, limit: int = MAX_VALUE_BYTES) -> bool:
    """Returns whether the value has more than `limit` bytes of compact JSON."""
    if type(value) is str and len(value) * _ESCAPED_BYTES + 2 <= limit:
        return False
    return len(_encode(value)) > limit


def large_parts(data: Any) -> list[tuple[Any, str]]:
    """Returns the values of an event's data that are too large, each as the object that contains it and its
    name there.

    `data`: a `Data` of `app/canonical.py`, which imports this module, or a `NewData` of `app/new_event.py`.
    """
    large: list[tuple[Any, str]] = []
    for part in (data.user, data.attributes, data.settings, data.previous):
        if part is not UNSET:
            large += [(part, name) for name, value in _values(part) if name != "sub" and too_large(value)]
    return large + large_texts(data)


def _values(part: Any) -> Iterable[tuple[str, Any]]:
    if isinstance(part, dict):
        return part.items()
    values = ((name, getattr(part, name)) for name in part.__struct_fields__)
    return ((name, value) for name, value in values if value is not UNSET)


def large_texts(data: Any) -> list[tuple[Any, str]]:
    """Returns the same for the texts outside of the claims, attributes and settings."""
    large: list[tuple[Any, str]] = []
    if data.score is UNSET and data.points is UNSET and data.presence is UNSET:
        return large
    for part, name, limit in (
        (data.score, "entry_id", MAX_ID_BYTES),
        (data.score, "reason", MAX_TEXT_BYTES),
        (data.score, "comment", MAX_TEXT_BYTES),
        (data.points, "reason", MAX_TEXT_BYTES),
        (data.presence, "status", MAX_VALUE_BYTES),
        (data.presence, "previous", MAX_VALUE_BYTES),
    ):
        if part is not UNSET:
            value = getattr(part, name)
            if value is not UNSET and too_large(value, limit):
                large.append((part, name))
    return large


# Each match is one whole escape, so the second of two backslashes is never taken for the begin of one.
_ESCAPES = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _whole(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if match[2] else match[0]


def without_half_surrogates(body: bytes) -> bytes:
    """Returns the JSON text with U+FFFD in place of each half of a surrogate pair. A producer that cuts a
    text in the middle of an emoji leaves such a half. The time is linear in the size."""
    return _ESCAPES.sub(_whole, body) if b"\\ud" in body or b"\\uD" in body else body
