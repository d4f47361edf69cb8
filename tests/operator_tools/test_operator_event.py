"""The events that operators write."""

import pytest
from msgspec import UNSET

from app.canonical import Event, decode_event
from app.canonical_records import objection
from app.errors import CommandFailed
from app.new_event import NewData
from app.state import Rows, apply, decode_loyalty, decode_user, encode_user, fold
from app.times import MICROS_PER_DAY, format_micros
from app.tools.users.operator_event import Signature, deletion_of, event_time, latest_stamp, update_of
from app.tools.users.user_key import UserKey
from tests.operator_tools.records import Told
from tests.state.events import deleted, event, full, micros, partial, points, score

USER = UserKey("magine", "acme", "7")
KEY = "magine/acme/7"


def rows_of(*events: Event) -> Rows:
    return fold(events)[KEY]


@pytest.mark.parametrize(
    ("events", "second"),
    [
        ([full(1)], 1),
        ([full(1), partial(9, user={"email": "a@example.com"})], 9),
        ([full(1), event("created", 5)], 5),
        ([event("logged_in", 4)], 4),
        ([event("logged_out", 3)], 3),
        ([event("status_changed", 8, presence={"status": "away"})], 8),
        ([full(1), event("updated", 2, status="blocked")], 2),
        ([full(1), deleted(6)], 6),
        ([deleted(6), full(7)], 7),
        ([full(7), deleted(6)], 7),
        ([full(1), score(5, score={"balance": 3}), points(3)], 5),
        ([full(1), score(5)], 5),
    ],
)
def test_the_latest_stamp_is_that_of_the_newest_thing_a_row_knows(events: list[Event], second: int) -> None:
    assert latest_stamp(rows_of(*events)) == micros(second)


def test_no_row_has_no_stamp() -> None:
    assert latest_stamp(Rows(None, None)) == 0
    user = decode_user(
        b'{"vendor":"magine","tenant":"acme","sub":"7","complete":false,"profile":{},"attributes":{},'
        b'"settings":{},"stamps":{"status":5}}'
    )
    loyalty = decode_loyalty(
        b'{"vendor":"magine","tenant":"acme","sub":"7","points":{"value":1,"as_of":9},"entries":[]}'
    )
    assert latest_stamp(Rows(user, None)) == 5
    assert latest_stamp(Rows(user, loyalty)) == 9


def test_the_time_is_now_or_just_after_every_stamp() -> None:
    now = micros(0)
    assert event_time(now, now - 1) == now
    assert event_time(now, now) == now + 1
    assert event_time(now, now + 23 * MICROS_PER_DAY // 24) == now + 23 * MICROS_PER_DAY // 24 + 1
    last = now + 2 * MICROS_PER_DAY
    assert event_time(now, last - 1) == last
    with pytest.raises(CommandFailed, match=r"^the row has the stamp \S+, more than two days ahead: [^\n]+$"):
        event_time(now, last)


@pytest.mark.parametrize("ahead", [0, 2 * MICROS_PER_DAY])
def test_a_worker_accepts_the_event_and_the_deletion_wins(ahead: int) -> None:
    now = micros(0)
    at = event_time(now, now + ahead - 1)
    value = deletion_of(USER, at, Signature("op", "t 1"))
    read = decode_event(value)
    assert objection(read, Told(USER.key, value, timestamp=now // 1000), is_at_home=True) is None
    assert (read.type, read.time, read.source) == ("user.deleted", format_micros(at), "/rollcall/operator")
    assert (read.subject, read.partitionkey, read.id[:9]) == ("7", KEY, "operator:")
    assert read.data.note == "t 1"
    ahead_of_time = event("updated", 0, full=True, time=format_micros(at - 1), user={"name": "Ada"})
    user, loyalty, effect = apply(read, *rows_of(ahead_of_time, score(1)))
    assert effect == "changed"
    assert loyalty is None
    assert user is not None
    assert b'"status":"deleted"' in encode_user(user)


def test_two_events_have_two_ids_and_a_key_is_escaped_where_the_records_have_it_so() -> None:
    user = UserKey("fynd", "a/b", "50%")
    one, two = (decode_event(deletion_of(user, micros(0), Signature("op", "x"))) for _ in range(2))
    assert one.id != two.id
    assert (one.subject, one.partitionkey, one.tenant) == ("50%25", "fynd/a%2Fb/50%25", "a/b")
    assert one.data.user == {"sub": "50%"}


def test_a_value_that_a_worker_would_refuse_is_not_written() -> None:
    data = NewData("partial", UNSET, {"sub": "7", "name": "x" * 20_000})
    with pytest.raises(CommandFailed, match=r"^a worker would refuse the event: .*16384"):
        update_of(USER, micros(0), data, Signature("op", "x"))
