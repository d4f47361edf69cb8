"""A fetch becomes slices that are bounded in bytes."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from app.lane.slices import Slice, split_by_bytes


class Sized(Struct):
    offset: int
    value: bytes | None
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


@given(st.lists(st.none() | st.integers(0, 30), min_size=1), st.integers(1, 40))
def test_parts_keep_the_order_and_the_limit(sizes: list[int | None], limit: int) -> None:
    records = [Sized(n, None if size is None else bytes(size)) for n, size in enumerate(sizes)]
    parts = list(split_by_bytes(records, limit))
    assert [record for part in parts for record in part] == records
    assert all(parts)
    for part in parts:
        assert len(part) == 1 or sum(len(record.value or b"") for record in part) <= limit
    for one, other in itertools.pairwise(parts):
        assert sum(len(record.value or b"") for record in [*one, other[0]]) > limit


def test_a_record_is_found_by_its_offset_whatever_gaps_there_are() -> None:
    offsets = [3, 4, 9, 100]
    records = Slice("t", 0, [Sized(offset, None) for offset in offsets])
    assert [records.index_of(offset) for offset in offsets] == [0, 1, 2, 3]
