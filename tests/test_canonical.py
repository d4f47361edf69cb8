"""The canonical event as bytes: what is read, what is refused, and what a refusal says."""

import json
from typing import Any

import pytest

from app.canonical import (
    EVENT_TYPES,
    Actor,
    BadEventTime,
    Data,
    Deletion,
    Event,
    InvalidEvent,
    Login,
    Points,
    Presence,
    Score,
    decode_event,
    encode_event,
)

# An event as docs/events.md#canonical-event describes it.
EXAMPLE: dict[str, Any] = {
    "specversion": "1.0",
    "id": "user.updated:9182",
    "source": "/vendors/selfcommunity/acme",
    "type": "user.updated",
    "subject": "42",
    "time": "2021-07-05T07:46:49.139224Z",
    "datacontenttype": "application/json",
    "dataschema": "urn:rollcall:user-event:1",
    "partitionkey": "selfcommunity/acme/42",
    "vendor": "selfcommunity",
    "tenant": "acme",
    "vendortype": "user.updated",
    "timesource": "event",
    "recordedtime": "2026-11-21T06:00:00.123000Z",
    "origin": "vendor.selfcommunity.users/3/1207",
    "data": {
        "snapshot": "full",
        "status": "active",
        "user": {"sub": "42", "name": "Ada", "email": "ada@example.com", "email_verified": True},
        "attributes": {"reputation": 111},
    },
}
NEEDED = ["specversion", "id", "type", "time", "partitionkey", "vendor", "tenant", "data"]


def changed(**members: object) -> bytes:
    return json.dumps({**EXAMPLE, **members}).encode()


def with_data(**members: object) -> bytes:
    return changed(data={**EXAMPLE["data"], **members})


def test_the_example_of_the_contract_survives_member_by_member() -> None:
    written = encode_event(decode_event(json.dumps(EXAMPLE).encode()))
    assert list(json.loads(written).items()) == list(EXAMPLE.items())
    assert b"\n" not in written


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_every_type_can_be_read(kind: str) -> None:
    assert decode_event(changed(type=kind)).type == kind


def test_every_member_of_data_survives() -> None:
    event = decode_event(json.dumps(EXAMPLE).encode())
    event.data = Data(
        snapshot="partial",
        status="deleted",
        user={"sub": "42", "name": None},
        attributes={"tags": ["a"]},
        settings={"qa_frequency": -1},
        score=Score(delta=-2, entry_id="1", balance=111, reason="r", reason_code=-19, comment="c"),
        points=Points(10, 530, "r", "2021-07-05T07:46:49.139224Z"),
        presence=Presence("away", "online"),
        login=Login("2021-07-05T07:46:49.139224Z"),
        deletion=Deletion("hard"),
        previous={"email": "a@example.com"},
        actor=Actor("root"),
    )
    assert decode_event(encode_event(event)) == event


@pytest.mark.parametrize("name", NEEDED)
def test_a_needed_member_may_neither_be_missing_nor_odd(name: str) -> None:
    without = {member: value for member, value in EXAMPLE.items() if member != name}
    for body in (json.dumps(without).encode(), changed(**{name: 5}), changed(**{name: None})):
        with pytest.raises(InvalidEvent):
            decode_event(body)


@pytest.mark.parametrize(
    "body",
    [
        with_data(user={}),
        with_data(user={"sub": ""}),
        with_data(user={"sub": 42}),
        with_data(user=None),
        with_data(snapshot="whole"),
        changed(data={"user": {"sub": "42"}}),
        changed(type="user.renamed"),
        changed(specversion="0.3"),
        changed(time="2021-07-05T07:46:49"),
        changed(time=""),
    ],
)
def test_what_is_no_canonical_event_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_event(body)


@pytest.mark.parametrize(
    ("time", "good"),
    [
        ("2000-01-01T00:00:00Z", True),
        ("9999-12-31T23:59:59.999999Z", True),
        ("1999-12-31T23:59:59.999999Z", False),
        ("2000-01-01T00:00:00+00:01", False),
        ("0001-01-01T00:00:00Z", False),
    ],
)
def test_a_time_before_2000_is_told_from_what_is_no_time(time: str, good: bool) -> None:
    if good:
        assert decode_event(changed(time=time)).time == time
    else:
        with pytest.raises(BadEventTime, match=r"^\$\.time: expected a time after 1999$"):
            decode_event(changed(time=time))


def test_members_that_are_not_needed_may_be_missing_and_unknown_ones_are_ignored() -> None:
    small = {name: EXAMPLE[name] for name in NEEDED}
    small["data"] = {"snapshot": "partial", "user": {"sub": "42"}, "mood": "fine"}
    event = decode_event(json.dumps({**small, "traceparent": "00-1"}).encode())
    assert isinstance(event, Event)
    assert b"mood" not in encode_event(event)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"null", b"\xff", b'{"id":"\xff"}', b"[" * 100_000, b"{} {}"]
)
def test_what_is_no_json_object_is_refused(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_event(body)


SECRET = "zq7-secret"


@pytest.mark.parametrize(
    "body",
    [
        changed(type=SECRET),
        changed(type=f"x - at `{SECRET}"),
        changed(type=f"' - at `$.{SECRET}`"),
        changed(specversion=f"1' - at `{SECRET}"),
        changed(id={SECRET: SECRET}),
        changed(time=SECRET),
        with_data(snapshot=SECRET),
        with_data(user={SECRET: SECRET}),
        with_data(user=[SECRET]),
        with_data(settings={SECRET: 1}, score={"delta": SECRET}),
        with_data(deletion={"kind": f"- at `{SECRET}"}),
        SECRET.encode(),
        json.dumps({SECRET: SECRET}).encode(),
    ],
)
def test_a_refusal_names_the_place_and_quotes_nothing(body: bytes) -> None:
    with pytest.raises(InvalidEvent) as refusal:
        decode_event(body)
    assert SECRET not in str(refusal.value)
    assert str(refusal.value).startswith(("$", "expected JSON"))
