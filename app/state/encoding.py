"""Deterministic JSON: equal values have equal bytes, in whatever order their members came."""

from typing import Any

import msgspec

_rows = msgspec.json.Encoder(order="deterministic")
_ties = msgspec.json.Encoder(order="sorted")


def encode_row(row: msgspec.Struct) -> bytes:
    """A row as it stands on a changelog: its members in the struct's order, keys of objects sorted."""
    return _rows.encode(row)


def sorted_json(value: Any) -> bytes:
    """Compact JSON, UTF-8, all keys sorted: the order by which ties are decided (contract, section 4)."""
    return _ties.encode(value)
