"""What a run wrote is compared with what the pure functions make of the source topic."""

from collections import Counter

import pytest

from app.canonical import encode_event
from app.state import decode_loyalty, decode_user
from tests.kafka import Record
from tests.tools.bench.bodies import updates_and_scores
from tests.tools.bench.peers.outputs import Outputs, difference, digest, last_rows
from tests.tools.bench.peers.same_functions import RowsInMemory, mapper_of, rows_after

EXPECTED = Outputs(
    Counter({digest(b"key", b"event"): 1, digest(b"key", b"other"): 2}),
    {(0, b"key"): b"user", (1, b"key"): b"loyalty"},
)


def test_equal_outputs_have_no_difference() -> None:
    assert difference(EXPECTED, Outputs(Counter(EXPECTED.events), dict(EXPECTED.rows))) == ""


@pytest.mark.parametrize(
    ("events", "told"),
    [
        ({(b"key", b"event"): 1}, "2 canonical events are missing, 0 are others or repeats"),
        ({(b"key", b"event"): 1, (b"key", b"other"): 3}, "0 canonical events are missing, 1 are others"),
        ({(b"kex", b"event"): 1, (b"key", b"other"): 2}, "1 canonical events are missing, 1 are others"),
    ],
)
def test_events_that_are_missing_or_too_many_are_counted(
    events: dict[tuple[bytes, bytes], int], told: str
) -> None:
    written = Counter({digest(*record): count for record, count in events.items()})
    assert difference(EXPECTED, Outputs(written, EXPECTED.rows)).startswith(told)


@pytest.mark.parametrize(
    ("rows", "told"),
    [
        ({(0, b"key"): b"user"}, "1 of 2 rows differ"),
        ({(0, b"key"): b"user", (1, b"key"): b"Loyalty"}, "1 of 2 rows differ"),
        ({(0, b"key"): b"user", (1, b"key"): b"loyalty", (1, b"b"): b""}, "1 of 3 rows differ"),
    ],
)
def test_rows_that_differ_are_counted(rows: dict[tuple[int, bytes | None], bytes | None], told: str) -> None:
    assert difference(EXPECTED, Outputs(EXPECTED.events, rows)) == told


def test_the_last_row_of_a_key_counts_and_a_tombstone_is_no_row() -> None:
    def record(key: bytes, value: bytes | None) -> Record:
        return Record("log", 0, 0, 0, key, value, [])

    log = [(0, record(b"a", b"1")), (0, record(b"b", b"1")), (0, record(b"a", b"2")), (0, record(b"b", None))]
    assert last_rows([*log, (1, record(b"a", b"3"))]) == {(0, b"a"): b"2", (1, b"a"): b"3"}


def test_a_digest_knows_key_from_value() -> None:
    assert digest(b"ab", b"c") != digest(b"a", b"bc")


def test_rows_that_are_kept_decoded_and_rows_that_are_kept_as_bytes_end_the_same() -> None:
    events_of, kept, stored = (
        mapper_of("bodies-selfcommunity"),
        RowsInMemory(),
        dict[tuple[int, bytes], bytes](),
    )
    written: dict[tuple[int, bytes], bytes | None] = {}
    for offset, body in enumerate(updates_and_scores(60, users=7)):
        for event in events_of(0, offset, 1_735_689_600_000, body):
            key, value = event.partitionkey.encode(), encode_event(event)
            kept.apply(key, value)
            after = rows_after(value, stored.get((0, key)), stored.get((1, key)))
            stored.update({(table, key): row for table, row in enumerate(after) if row is not None})
        if offset % 9 == 0:
            written.update({(table, key): row for table, key, row in kept.take_changed()})
    written.update({(table, key): row for table, key, row in kept.take_changed()})
    assert written == stored
    assert len(stored) == 14
    assert {decode_user(row).sub for (table, _), row in stored.items() if table == 0} == set("1234567")
    assert all(decode_loyalty(row).entries for (table, _), row in stored.items() if table == 1)
