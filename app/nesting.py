"""How deep JSON may nest: a fixed limit, well below that of the decoder.

The decoder's limit is what is left of Python's stack, and that differs from caller to caller. With it the
same body could have different outcomes, and a value could be decoded that cannot be encoded again.
"""

from typing import Final

MAX_NESTING: Final = 700
SHALLOW_BYTES: Final = 2 * MAX_NESTING
"""A body of at most so many bytes has no room for more levels than MAX_NESTING."""
_NO_SIGNS = bytes(set(range(256)) - set(b'[]{}"'))


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
    brackets = _brackets(body)
    if _is_flat(brackets, limit):
        return False
    depth = 0
    for bracket in brackets:
        depth += 1 if bracket in b"[{" else -1
        if depth > limit:
            return True
    return False


def _brackets(body: bytes) -> bytes:
    """Returns the brackets outside of texts, if the body is JSON."""
    # perf: each step is one fast call for the whole body. One regular expression for texts took 60 ms a MiB,
    # in which no other thread of the process could run; plain form: remove `"(?:[^"\\]|\\.)*"`.
    if b"\\" in body:
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    # Every second quote ends a text, and that stays so if two that are neighbours now are removed.
    signs = body.translate(None, _NO_SIGNS).replace(b'""', b"")
    return b"".join(signs.split(b'"')[::2]) if b'"' in signs else signs


def _is_flat(brackets: bytes, limit: int) -> bool:
    """Returns True only if the depth is at most `limit`; False if only counting can tell."""
    removed = 0
    while len(brackets) + removed > limit:
        fewer = brackets.replace(b"[]", b"").replace(b"{}", b"")  # at most two levels
        if 3 * len(fewer) > 2 * len(brackets):
            return False
        brackets, removed = fewer, removed + 2
    return True
