"""Which times of an event are accepted, compared with the timestamp of its record."""

from typing import Any

import pytest
from msgspec import UNSET

from app.canonical import encode_event
from app.outcome import Dead, Emit
from app.times import format_micros
from app.vendors import VENDORS
from tests.vendors.records import LOGOUT_BODY, MAGINE, MAGINE_BODY, NOON, ROCKETCHAT, event_of, outcome_of


@pytest.mark.parametrize(
    ("time", "timestamp", "good"),
    [
        ("2000-01-01T00:00:00Z", NOON, True),
        ("1999-12-31T23:59:59.999999Z", NOON, False),
        ("2025-11-22T12:00:00Z", NOON, True),
        ("2025-11-22T12:00:00.000001Z", NOON, False),
        ("2025-11-22T12:00:00.000001Z", NOON + 1, True),
        ("9999-12-31T23:59:59Z", NOON, False),
        ("9999-12-31T23:59:59Z", 253402300799999, True),
        ("2025-11-21T10:00:00Z", -1, True),
        ("2025-11-21T10:00:00Z", -(10**18), True),
        ("2025-11-21T10:00:00Z", NOON * 1000, False),  # microseconds given for milliseconds
        ("2025-11-21T10:00:00Z", 10**18, False),
    ],
)
def test_the_calendar_around_an_event(time: str, timestamp: int, good: bool) -> None:
    outcome = outcome_of(
        MAGINE, MAGINE_BODY.replace(b"2025-11-21T10:00:00Z", time.encode()), timestamp=timestamp
    )
    assert isinstance(outcome, Emit) if good else isinstance(outcome, Dead) and outcome.reason == "bad_time"


@pytest.mark.parametrize(
    ("timestamp", "good"), [(NOON, True), (-1, False), (946684799999, False), (10**18, False)]
)
def test_the_record_time_is_judged_where_it_is_the_clock(timestamp: int, good: bool) -> None:
    outcome = outcome_of(ROCKETCHAT, LOGOUT_BODY, timestamp=timestamp)
    assert isinstance(outcome, Emit) if good else isinstance(outcome, Dead) and outcome.reason == "bad_time"


@pytest.mark.parametrize("timestamp", [None, -1, -2, -(2**63)])
def test_of_a_record_without_a_timestamp_only_the_years_are_judged(timestamp: int | None) -> None:
    for year, good in ((b"1999", False), (b"2000", True), (b"9999", True)):
        outcome = outcome_of(MAGINE, MAGINE_BODY.replace(b"2025", year), timestamp=timestamp)
        if good:
            assert isinstance(outcome, Emit)
            assert b"recordedtime" not in encode_event(outcome.events[0])
        else:
            assert isinstance(outcome, Dead)
            assert outcome.reason == "bad_time"
    outcome = outcome_of(ROCKETCHAT, LOGOUT_BODY, timestamp=timestamp)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "bad_time"


@pytest.mark.parametrize(
    ("headers", "recorded"),
    [
        ([("x-original-timestamp", b"1763726400001")], NOON + 1),
        ([("X-Original-Timestamp", b"1763726400001")], NOON + 1),
        ([("x-original-timestamp", b"5"), ("X-ORIGINAL-TIMESTAMP", b"1763726400001")], NOON + 1),
        ([("x-original-timestamp", b"1763726400001"), ("x-original-timestamp", b"")], NOON),
        ([("x-original-timestamp", b"1763726400001"), ("x-original-timestamp", b"soon")], NOON),
        *(
            ([("x-original-timestamp", text)], NOON)
            for text in (
                b"",
                None,
                b"+1",
                b" 1",
                b"1\n",
                b"1.0",
                b"--1",
                b"-",
                b"1" * 16,
                b"\xff",
                b"\xd9\xa1",
            )
        ),
        ([("x-original-timestamp", b"-1")], None),
        ([("x-original-timestamp", b"-" + b"9" * 15)], None),
    ],
)
def test_the_original_timestamp_goes_before_kafkas(
    headers: list[tuple[str, Any]], recorded: int | None
) -> None:
    event = event_of(MAGINE, MAGINE_BODY, headers=headers)
    assert event.recordedtime == (UNSET if recorded is None else format_micros(recorded * 1000))
    outcome = outcome_of(ROCKETCHAT, LOGOUT_BODY, headers=headers)
    if recorded is None:
        assert isinstance(outcome, Dead)
        assert outcome.reason == "bad_time"
    else:
        assert isinstance(outcome, Emit)
        assert outcome.events[0].time == format_micros(recorded * 1000)


@pytest.mark.parametrize("kafkas", [NOON, -1, None])
def test_an_original_timestamp_beyond_9999_is_always_bad(kafkas: int | None) -> None:
    late = [("x-original-timestamp", b"9" * 15)]
    outcome = outcome_of(MAGINE, MAGINE_BODY, headers=late, timestamp=kafkas)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "bad_time"


@pytest.mark.parametrize(
    ("vendor", "body"),
    [
        ("selfcommunity", b'{"type":"user.updated","created":253402300800.5,"data":{"id":1}}'),
        (
            "rocketchat",
            b'{"event":"IPostUserLoggedOut","occurredAt":{"$date":253402300800500},"context":{"id":"a"}}',
        ),
    ],
)
def test_a_time_past_the_calendar_is_bad_however_late_the_record(vendor: str, body: bytes) -> None:
    outcome = outcome_of(VENDORS[vendor], body, timestamp=253402300799999)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "bad_time"


@pytest.mark.parametrize(
    "number", [b"1e-99999999999999999999", b"0e99999999999999999999", b"-5", b"1e-400", b"1e30", b"-1e30"]
)
def test_an_odd_spelling_of_a_time_that_cannot_be_is_a_bad_time(number: bytes) -> None:
    body = b'{"type":"user.updated","created":%s,"data":{"id":1}}' % number
    outcome = outcome_of(VENDORS["selfcommunity"], body)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "bad_time"
