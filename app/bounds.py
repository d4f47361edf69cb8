"""How large the parts of an event may be, and which texts stand for nothing (contract, section 2)."""

import re
from typing import Any, Final

import msgspec
from msgspec import UNSET

MAX_ID_BYTES: Final = 1024
MAX_VALUE_BYTES: Final = 16 << 10
MAX_TEXT_BYTES: Final = 1 << 10
MAX_NAMES: Final = 200
MAX_NAME_BYTES: Final = 256
# A shorter JSON text holds no value that is too large when it is written again: `1e15,` grows most,
# to `1000000000000000.0,`, not four times as long.
NO_LARGE_VALUE: Final = 3000
# The same for a text, which is never longer when it is written again.
NO_LARGE_TEXT: Final = 1000

# What broken producers write for nothing, without the white space around and in lower case.
_NOTHING: Final = frozenset({"", "undefined", "null", "none", "nil", "nan", "[object object]"})
_BLANKS: Final = frozenset(letter for letter in map(chr, range(0x10000)) if letter.isspace())
# The first letter of each such text, or none at all: settles nearly all ids at once.
MAYBE_NOTHING: Final = _BLANKS | {"", *"uUnN["}
_UTF8_BYTES: Final = 4
_ESCAPED_BYTES: Final = 6

_encode = msgspec.json.Encoder().encode


def is_nothing(text: str) -> bool:
    """Whether an id or tenant is blank or a text that broken producers write for nothing."""
    return text[:1] in MAYBE_NOTHING and text.strip().lower() in _NOTHING


def too_long(text: str, limit: int) -> bool:
    """Whether the text has more than `limit` bytes of UTF-8."""
    return len(text) * _UTF8_BYTES > limit and len(text.encode()) > limit


def too_large(value: object, limit: int = MAX_VALUE_BYTES) -> bool:
    """Whether the value has more than `limit` bytes of compact JSON."""
    if type(value) is str and len(value) * _ESCAPED_BYTES + 2 <= limit:
        return False
    return len(_encode(value)) > limit


def large_parts(data: Any) -> list[tuple[Any, str]]:
    """What in an event's data is too large: the object that holds it, and its name there."""
    found: list[tuple[Any, str]] = []
    for part in (data.user, data.attributes, data.settings, data.previous):
        if part is not UNSET:
            found += [(part, name) for name, value in part.items() if name != "sub" and too_large(value)]
    return found + large_texts(data)


def large_texts(data: Any) -> list[tuple[Any, str]]:
    """The same of the texts beside the claims, attributes and settings."""
    found: list[tuple[Any, str]] = []
    if data.score is UNSET and data.points is UNSET and data.presence is UNSET:
        return found
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
                found.append((part, name))
    return found


# One escape after the other, so that of two backslashes the second begins none.
_ESCAPES = re.compile(
    rb"\\(?:(u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2})|(u[dD][89a-fA-F][0-9a-fA-F]{2})|.)",
    re.DOTALL,
)


def _whole(match: re.Match[bytes]) -> bytes:
    return b"\\ufffd" if match[2] else match[0]


def without_half_surrogates(body: bytes) -> bytes:
    """The JSON text with U+FFFD for each half of a surrogate pair, as cut-off emoji leave it. Linear."""
    return _ESCAPES.sub(_whole, body) if b"\\ud" in body or b"\\uD" in body else body
