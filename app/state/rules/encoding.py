"""Deterministic JSON: equal values have equal bytes, whatever the order of their members."""

from typing import Any

import msgspec

_rows = msgspec.json.Encoder(order="deterministic")
_ties = msgspec.json.Encoder(order="sorted")


def encode_row(row: msgspec.Struct) -> bytes:
    """The JSON of a row on a changelog: the row's members in the struct's order, keys of inner objects
    sorted."""
    return _rows.encode(row)


def sorted_json(value: Any) -> bytes:
    """Compact JSON in UTF-8 with all keys sorted. These bytes decide ties (docs/tables.md#ties)."""
    return _ties.encode(value)


def same_json(a: Any, b: Any) -> bool:
    """Whether two values have the same JSON. `1`, `1.0` and `true` are equal to Python, and three values."""
    return _ties.encode(a) == _ties.encode(b)
