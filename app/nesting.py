"""How deep JSON may nest: a fixed limit, well below the decoder's own.

The decoder's is what is left of Python's stack, which differs from caller to caller: with it the
outcome of a body would not be a function of the body, and a value could be read but not written.
"""

import re
from typing import Final

MAX_NESTING: Final = 700
# Possessive, and content with a missing end, so that no body makes it look at a byte twice.
_TEXTS = re.compile(rb'"(?:[^"\\]|\\.)*+"?', re.DOTALL)
_NO_BRACKETS = bytes(set(range(256)) - set(b"[]{}"))


def too_deep(body: bytes, limit: int = MAX_NESTING) -> bool:
    """Whether arrays and objects nest deeper than `limit`. Usual bodies are settled at once."""
    if len(body) <= 2 * limit:
        return False
    # A level takes `[]` or `{"":}`, so the arrays alone bound the depth. Replacing counts a byte fastest.
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
