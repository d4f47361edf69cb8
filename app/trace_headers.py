"""The headers of W3C's Trace Context, which an event takes over from its record."""

from typing import Final

from app.engine import Headers

# A canonical event takes over only these headers of its record. W3C's Trace Context asks to pass on at least
# 512 characters of a `tracestate`; a header that is far longer counts as absent.
TRACE_HEADERS: Final = ("traceparent", "tracestate")
_TRACE_BYTES: Final = 4096


def trace_headers(given: Headers) -> Headers:
    """Returns `traceparent` and `tracestate` of a record's headers, with names in lower case. If a name
    repeats, the last value wins. A value that is empty, is not UTF-8 or has more than _TRACE_BYTES counts as
    absent."""
    found = {lower: value for name, value in given if (lower := name.lower()) in TRACE_HEADERS}
    return [(name, value) for name in TRACE_HEADERS if (value := found.get(name)) and _is_usable(value)]


def _is_usable(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return len(value) <= _TRACE_BYTES
