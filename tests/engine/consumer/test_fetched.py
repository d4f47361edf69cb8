"""What a fetch has read: ranges of offsets, whether they hold records or not."""

from dataclasses import dataclass

import pytest

from app.engine.consumer.fetched import FetchedRange, ReadNotes
from app.engine.record_batches.fetched_records import TakenRecords
from app.engine.slices import Partition

HERE: Partition = ("source", 0)
THERE: Partition = ("source", 1)


@dataclass
class Found:
    offset: int
    value: bytes = b"x"
    timestamp: int = 0
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


def test_records_belong_to_the_last_range_of_their_partition() -> None:
    """A fetch looks several times until it finds records; between two looks the position may be reset."""
    notes = ReadNotes()
    records = TakenRecords([Found(150), Found(151)])
    records.size = 7
    notes.note(HERE, 100, 105)
    notes.note(THERE, 7, 7)
    notes.note(HERE, 150, 152)
    notes.note(THERE, 7, 9)
    assert notes.take({HERE: records}) == {
        HERE: [FetchedRange(100, 105), FetchedRange(150, 152, records, 7)],
        THERE: [FetchedRange(7, 9)],
    }
    assert notes.take({}) == {}


@pytest.mark.parametrize(
    ("first", "end", "offsets", "cut", "expected"),
    [
        (10, 20, [11, 14, 17], 15, [(10, 15, [11, 14]), (15, 20, [17])]),
        (10, 20, [17], 15, [(10, 15, []), (15, 20, [17])]),
        (10, 20, [11], 15, [(10, 15, [11]), (15, 20, [])]),
        (10, 20, [], 15, [(10, 15, []), (15, 20, [])]),
        (10, 20, [11, 17], 20, [(10, 20, [11, 17])]),
        (10, 20, [11, 17], 10, [(10, 20, [11, 17])]),
        (10, 20, [11, 12, 17], 15, [(10, 12, [11]), (12, 15, [12]), (15, 20, [17])]),
    ],
)
def test_a_range_is_cut_before_an_offset(
    first: int, end: int, offsets: list[int], cut: int, expected: list[tuple[int, int, list[int]]]
) -> None:
    read = FetchedRange(first, end, TakenRecords(map(Found, offsets)), size=60)
    parts = list(read.parts([12], cut))
    assert [(each.first, each.end, [found.offset for found in each.records]) for each in parts] == expected
    assert sum(each.size for each in parts) == 60


def test_what_a_failed_fetch_had_read_is_forgotten() -> None:
    notes = ReadNotes()
    notes.note(HERE, 0, 5)
    notes.clear()
    assert notes.take({}) == {}


def test_records_without_a_range_are_a_mistake() -> None:
    with pytest.raises(KeyError):
        ReadNotes().take({HERE: TakenRecords([Found(1)])})
