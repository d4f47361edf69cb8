"""Deterministic JSON: equal values have equal bytes, in whatever order their members came."""

import sys
from typing import Any, Final

import msgspec

_rows = msgspec.json.Encoder(order="deterministic")
_ties = msgspec.json.Encoder(order="sorted")

# How much deeper than usual an encoder may go into a value that the event's decoder has let pass. Python
# counts nesting and calls together, and a row is encoded some calls deeper than its event was decoded.
_EXTRA_DEPTH: Final = 1_000


def encode_row(row: msgspec.Struct) -> bytes:
    """A row as it stands on a changelog: its members in the struct's order, keys of objects sorted."""
    return _encode(_rows, row)


def sorted_json(value: Any) -> bytes:
    """Compact JSON, UTF-8, all keys sorted: the order by which ties are decided (contract, section 4)."""
    return _encode(_ties, value)


def _encode(encoder: msgspec.json.Encoder, value: Any) -> bytes:
    try:
        return encoder.encode(value)
    except RecursionError:
        limit = sys.getrecursionlimit()
        sys.setrecursionlimit(limit + _EXTRA_DEPTH)
        try:
            return encoder.encode(value)
        finally:
            sys.setrecursionlimit(limit)
