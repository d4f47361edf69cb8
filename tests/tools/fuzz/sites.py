"""Finds where a JSON text can be edited: its values and members. The text is not decoded.

An edit of the text, unlike one of decoded values, can also write what no encoder writes: a repeated name,
half a surrogate pair, a number outside every range.
"""

import re
from collections.abc import Iterable
from typing import NamedTuple

_TOKENS = re.compile(rb'"(?:[^"\\]|\\.)*+"|[{}\[\],:]|[^\s{}\[\],:"]+', re.DOTALL)
_COMMA_BEHIND = re.compile(rb"\s*,")
_COMMA_BEFORE = re.compile(rb",\s*\Z")


class Site(NamedTuple):
    """A value of the text. `start`: the start of its member's name in an object, otherwise of the value
    itself; `name`: as it is written, with the quotes, and empty outside of objects."""

    start: int
    value: int
    end: int
    name: bytes


class Edit(NamedTuple):
    """A text that replaces `body[start:end]`."""

    start: int
    end: int
    text: bytes


def sites_of(body: bytes) -> tuple[Site, ...]:
    """Returns every value of a JSON text, inner ones first. If the bytes are no JSON, every part that looks
    like a value."""
    found: list[Site] = []
    unclosed: list[tuple[int, int, bytes]] = []
    start, name = -1, b""
    for token in _TOKENS.finditer(body):
        text, here = token[0], token.start()
        if text == b",":
            continue
        if text == b":":  # so the text before it was a name and no value
            if found:
                start, _, end, _ = found.pop()
                name = body[start:end]
            continue
        if text in (b"}", b"]"):
            if unclosed:
                begin, value, key = unclosed.pop()
                found.append(Site(begin, value, token.end(), key))
        elif text in (b"{", b"["):
            unclosed.append((here if start < 0 else start, here, name))
        else:
            found.append(Site(here if start < 0 else start, here, token.end(), name))
        start, name = -1, b""
    return tuple(found)


def cut(body: bytes, site: Site) -> Edit:
    """Returns the edit that removes a member or an element, with one of its commas."""
    behind = _COMMA_BEHIND.match(body, site.end)
    if behind:
        return Edit(site.start, behind.end(), b"")
    before = _COMMA_BEFORE.search(body[max(0, site.start - 64) : site.start])
    return Edit(site.start - len(before[0]) if before else site.start, site.end, b"")


def edited(body: bytes, edits: Iterable[Edit]) -> bytes:
    """Returns the text after all edits. If two overlap, only the one that starts later is made."""
    limit = len(body) + 1
    for edit in sorted(edits, reverse=True):
        if edit.end < limit:
            body = body[: edit.start] + edit.text + body[edit.end :]
            limit = edit.start
    return body
