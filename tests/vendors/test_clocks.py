"""Which times of an event are believed, by the timestamp of its record."""

import pytest

from app.outcome import Dead, Emit
from app.vendors import VENDORS
from tests.vendors.records import LOGOUT_BODY, MAGINE, MAGINE_BODY, NOON, ROCKETCHAT, outcome_of


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
        ("2025-11-21T10:00:00Z", -1, False),
        ("2025-11-21T10:00:00Z", -(10**18), False),
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
