"""What a replay writes of a record, and what it counts."""

import pytest
from msgspec import Struct

from app.canonical import CONTENT_TYPE_HEADER, decode_event
from app.engine import Headers, UnreadRecord, partition_of
from app.settings import Settings
from app.tools.mappings.remapping import Remapping
from app.topics import OutputTopic
from app.vendors import VENDORS
from tests.tools.bench.bodies import bodies

PARTITION = "vendor.magine.users/2"
TARGET = OutputTopic("events", 7, 1 << 20)


class Sent(Struct):
    value: bytes | None
    headers: Headers = ()
    timestamp: int = 1_900_000_000_000
    offset: int = 5
    key: bytes | None = None


def remapping(*, oldest: str = "", target: OutputTopic = TARGET) -> Remapping:
    return Remapping(VENDORS["magine"], Settings().options_of("magine"), target, oldest)


def a_body() -> bytes:
    return next(iter(bodies("magine", 1)))


def test_an_event_is_written_as_a_worker_writes_it() -> None:
    mapping = remapping()
    headers = [("Tenant", b"acme"), ("TraceParent", b"00-1-2-03"), ("other", b"x")]
    (written,) = mapping.map(Sent(a_body(), headers), PARTITION)
    event = decode_event(written.value or b"")
    key = event.partitionkey.encode()
    assert key.startswith(b"magine/acme/")
    assert (written.topic, written.partition, written.key) == ("events", partition_of(key, 7), key)
    assert written.headers == (CONTENT_TYPE_HEADER, ("traceparent", b"00-1-2-03"))
    assert written.timestamp is None
    assert event.origin == f"{PARTITION}/5"
    assert event.recordedtime == "2030-03-17T17:46:40.000000Z"
    assert mapping.counts.members() == {
        "records": 1,
        "emit": 1,
        "skip": {},
        "dead": {},
        "events": 1,
        "too_old": 0,
    }


def test_the_time_of_a_record_is_that_of_its_header() -> None:
    (written,) = remapping().map(Sent(a_body(), [("x-original-timestamp", b"1900000000001")]), PARTITION)
    assert decode_event(written.value or b"").recordedtime == "2030-03-17T17:46:40.001000Z"


def test_what_is_no_event_is_counted_by_its_reason() -> None:
    mapping = remapping()
    unread = UnreadRecord(6, 0, "its headers: expected at most 1")
    for record in (Sent(None), Sent(b"{"), Sent(b""), Sent(a_body(), timestamp=0), unread):
        assert mapping.map(record, PARTITION) == []
    assert mapping.counts.lines() == [
        "5 records: 0 emit, 1 skip, 4 dead",
        "  skip tombstone: 1",
        "  dead bad_time: 1",
        "  dead not_json: 2",
        "  dead too_large: 1",
    ]


@pytest.mark.parametrize(("later", "old"), [("", 0), ("~", 1)])
def test_an_event_that_is_older_than_the_grace_period_is_left_out(later: str, old: int) -> None:
    (written,) = remapping().map(Sent(a_body()), PARTITION)
    mapping = remapping(oldest=decode_event(written.value or b"").time + later)
    assert len(mapping.map(Sent(a_body()), PARTITION)) == 1 - old
    counts = mapping.counts
    assert (counts.emit, counts.events, counts.too_old) == (1, 1 - old, old)


def test_a_record_with_an_event_that_is_too_large_is_dead_as_in_a_worker() -> None:
    mapping = remapping(target=OutputTopic("events", 7, 300))
    assert mapping.map(Sent(a_body()), PARTITION) == []
    assert mapping.counts.members()["dead"] == {"too_large": 1}
    assert (mapping.counts.emit, mapping.counts.events) == (0, 0)
