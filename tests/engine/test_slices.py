"""What a slice knows of its records."""

import itertools

from hypothesis import given
from hypothesis import strategies as st
from msgspec import Struct

from app.engine.slices import HEADER_BYTES, Slice, size_of, split_at


class Sized(Struct):
    offset: int
    value: bytes | None
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def test_a_record_takes_the_bytes_of_its_key_and_headers_as_well() -> None:
    assert size_of(Sized(0, None)) == 0
    assert size_of(Sized(0, b"four", key=b"key")) == 7
    two = size_of(Sized(0, b"four", key=b"key", headers=(("name", b"value"), ("empty", None))))
    assert two == 7 + len("namevalueempty") + 2 * HEADER_BYTES


def test_a_slice_is_cut_before_a_record() -> None:
    records = Slice("t", 0, [Sized(offset, None) for offset in (3, 4, 9, 100)])
    records.cut(9)
    assert (records.first, records.last, len(records)) == (3, 4, 2)


@given(st.sets(st.integers(0, 12), min_size=1), st.sets(st.integers(0, 12)))
def test_a_record_that_is_skipped_is_alone(offsets: set[int], skipped: set[int]) -> None:
    records = [Sized(offset, None) for offset in sorted(offsets)]
    parts = list(split_at(records, skipped))
    assert [record for part in parts for record in part] == records
    assert all(parts)
    assert all(len(part) == 1 for part in parts if skipped & {record.offset for record in part})
    for one, other in itertools.pairwise(parts):
        assert skipped & {one[-1].offset, other[0].offset}


def test_a_record_is_found_by_its_offset_whatever_gaps_there_are() -> None:
    offsets = [3, 4, 9, 100]
    records = Slice("t", 0, [Sized(offset, None) for offset in offsets])
    assert [records.index_of(offset) for offset in offsets] == [0, 1, 2, 3]
