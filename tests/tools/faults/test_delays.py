"""What the logs say of the way of a record."""

from tests.kafka import Record
from tests.tools.faults.delays import delays, told


def event(key: bytes, recorded: str | None, stamp: int) -> Record:
    value = b"{}" if recorded is None else b'{"recordedtime":"%s"}' % recorded.encode()
    return Record("events", 0, 0, stamp, key, value, [])


def row(key: bytes, stamp: int) -> Record:
    return Record("users", 0, 0, stamp, key, b"{}", [])


def test_an_event_ends_with_the_next_row_of_its_user() -> None:
    canonical = [
        event(b"a", "1970-01-01T00:00:01.000000Z", 1_500),
        event(b"a", "1970-01-01T00:00:02.000000Z", 2_250),
        event(b"b", "1970-01-01T00:00:02.000000Z", 2_250),
        event(b"c", None, 2_250),
    ]
    users = [row(b"a", 4_000), row(b"a", 1_750), row(b"b", 1_000), row(b"c", 9_000)]
    assert delays(canonical, users) == ([0.5, 0.25, 0.25], [0.75, 2.0])


def test_the_slowest_of_a_hundred_is_not_told() -> None:
    canonical = [event(b"a", "1970-01-01T00:00:01.000000Z", 1_000 + 10 * each) for each in range(100)]
    canonical[-1] = event(b"a", "1970-01-01T00:00:01.000000Z", 61_000)
    said = told(canonical, [row(b"a", 3_000)])
    assert said == "99 of 100 events within 1.0 s of their record, rows within 2.0 s"
    assert told([], []).startswith("99 of 100 events within 0.0 s")
