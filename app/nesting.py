"""How deep JSON may nest: a fixed limit, well below that of the decoder.

The decoder's limit is what is left of Python's stack, and that differs from caller to caller. With it the
same body could have different outcomes, and a value could be decoded that cannot be encoded again.
"""

import re
from typing import Final

MAX_NESTING: Final = 700
SHALLOW_BYTES: Final = 2 * MAX_NESTING
"""A body of at most so many bytes has no room for more levels than MAX_NESTING."""
# Possessive, and the closing quote is optional, so that no body makes it look at a byte twice.
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def too_deep(body: bytes, limit: int = MAX_NESTING) -> bool:
    """Returns whether arrays and objects nest deeper than `limit`. Counting brackets is enough for most
    bodies; only the others are walked through."""
    if len(body) <= 2 * limit:
        return False
    # perf: a level takes at least the two bytes `[]` or the five bytes `{"":}`, so the number of `[` and the
    # size bound the depth. `replace` is the fastest way to count a byte; plain form: leave out both tests.
    arrays = len(body) - len(body.replace(b"[", b""))
    if arrays + (len(body) - 2 * arrays) // 5 <= limit:
        return False
    if arrays + len(body) - len(body.replace(b"{", b"")) <= limit:
        return False
    depth = 0
    for bracket in _TEXTS.sub(b"", body).translate(None, _NO_BRACKETS):
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False
