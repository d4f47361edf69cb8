"""What all vendors have in common: headers, tenants, ids, times, and one outcome for every record."""

import hashlib
import json
from typing import Any

import msgspec
import pytest
from msgspec import UNSET

from app.canonical import decode_event, encode_event
from app.new_event import NewData
from app.outcome import Dead, Emit, Skip
from app.vendors import VENDORS, Options, Vendor
from app.vendors.conversion import DEFAULT_MAX_RECORD_BYTES
from app.vendors.model import Draft, Mapped, Mapper, Message
from tests.vendors.records import (
    AMITY,
    LOGOUT_BODY,
    MAGINE,
    MAGINE_BODY,
    NOON,
    ROCKETCHAT,
    event_of,
    outcome_of,
)


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_a_null_value_is_a_tombstone_for_every_vendor(vendor: Vendor) -> None:
    assert outcome_of(vendor, None, timestamp=-1) == Skip("tombstone")


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_the_size_is_judged_before_anything_is_parsed(vendor: Vendor) -> None:
    limit = Options(max_record_bytes=10)
    assert outcome_of(vendor, b"[" * 11, options=limit) == Dead("too_large", "$: expected at most 10 bytes")
    assert outcome_of(vendor, b"[" * 10, options=limit) == Dead("not_json", "$: expected JSON")


def test_the_default_limit_is_one_mebibyte_inclusive() -> None:
    body = MAGINE_BODY.ljust(DEFAULT_MAX_RECORD_BYTES)
    assert len(body) == 1 << 20
    assert isinstance(outcome_of(MAGINE, body), Emit)
    assert outcome_of(MAGINE, body + b" ") == Dead("too_large", "$: expected at most 1048576 bytes")


def vendor_of(mapper: Mapper) -> Vendor:
    return Vendor(name="broken", title="Broken", map=mapper, shapes=(), times={})


def test_an_exception_of_a_mapper_is_our_bug_and_tells_type_and_place_only() -> None:
    def broken(message: Message) -> Mapped:
        raise KeyError(message.body.decode())

    outcome = outcome_of(vendor_of(broken), b"zq7-secret")
    assert isinstance(outcome, Dead)
    assert outcome.reason == "mapper_error"
    assert outcome.detail.startswith("KeyError in test_conversion.py:")
    assert outcome.detail.endswith(" broken")
    assert "zq7" not in outcome.detail


def test_a_mapper_without_end_is_our_bug_too() -> None:
    def endless(message: Message) -> Mapped:
        return endless(message)

    outcome = outcome_of(vendor_of(endless), b"{}")
    assert isinstance(outcome, Dead)
    assert outcome.reason == "mapper_error"
    assert outcome.detail.startswith("RecursionError in test_conversion.py:")


def test_a_draft_that_cannot_be_written_is_our_bug_too() -> None:
    def nobody(message: Message) -> Mapped:
        data = NewData("full", UNSET, {})
        return Mapped("x", None, [Draft("user.updated", None, message.recorded, "row", data)])  # type: ignore[arg-type]

    outcome = outcome_of(vendor_of(nobody), b"{}")
    assert isinstance(outcome, Dead)
    assert outcome.reason == "mapper_error"


def test_an_event_with_the_time_of_its_record_is_partial_whatever_its_mapper_says() -> None:
    def hurried(message: Message) -> Mapped:
        data = NewData("full", UNSET, {"sub": "u"})
        return Mapped("x", None, [Draft("user.updated", "u", message.recorded, "record", data)])

    assert event_of(vendor_of(hurried), b"{}").data.snapshot == "partial"


def test_the_envelope_of_an_event() -> None:
    event = event_of(MAGINE, MAGINE_BODY)
    digest = hashlib.blake2b(MAGINE_BODY, digest_size=16).hexdigest()
    assert json.loads(encode_event(event)) == {
        "specversion": "1.0",
        "id": f"user.updated:{digest}",
        "source": "/vendors/magine/default",
        "type": "user.updated",
        "subject": "u-1",
        "time": "2025-11-21T10:00:00.000000Z",
        "datacontenttype": "application/json",
        "dataschema": "urn:rollcall:user-event:1",
        "partitionkey": "magine/default/u-1",
        "vendor": "magine",
        "tenant": "default",
        "vendortype": "user.updated",
        "timesource": "event",
        "recordedtime": "2025-11-21T12:00:00.000000Z",
        "origin": "vendor.magine.users/3/7",
        "data": {"snapshot": "partial", "user": {"sub": "u-1"}},
    }


def test_a_redelivery_is_the_same_event_and_another_body_is_another() -> None:
    first = event_of(MAGINE, MAGINE_BODY)
    again = event_of(MAGINE, MAGINE_BODY, offset=99, timestamp=NOON + 5)
    other = event_of(MAGINE, MAGINE_BODY + b" ")
    assert (first.source, first.id) == (again.source, again.id)
    assert first.id != other.id


@pytest.mark.parametrize(
    ("headers", "tenant"),
    [
        ([], "hq"),
        ([("tenant", b"acme")], "acme"),
        ([("TENANT", b"acme")], "acme"),
        ([("tenant", b"acme"), ("Tenant", b"beta")], "beta"),
        ([("tenant", b"acme"), ("tenant", b"beta")], "beta"),
        ([("tenant", b"acme"), ("tenant", b"")], "hq"),
        ([("tenant", b"")], "hq"),
        ([("tenant", None)], "hq"),
        ([("tenant", b"\xff")], "hq"),
        ([("tenant", b"acme"), ("tenant", b"\xff")], "hq"),
        ([("tenant", b" ")], " "),
        ([("tenant", "å/ß".encode())], "å/ß"),
        ([("x-tenant", b"acme"), ("webhook-id", b"w")], "hq"),
    ],
)
def test_the_tenant_header_by_the_rules_of_headers(headers: list[tuple[str, Any]], tenant: str) -> None:
    assert event_of(ROCKETCHAT, LOGOUT_BODY, headers=headers).tenant == tenant


def test_the_tenant_comes_from_header_then_body_then_setting() -> None:
    bare = LOGOUT_BODY.replace(b'"workspaceId":"hq",', b"")
    setting = Options(tenant="house")
    assert event_of(ROCKETCHAT, bare).tenant == "default"
    assert event_of(ROCKETCHAT, bare, options=setting).tenant == "house"
    assert event_of(ROCKETCHAT, LOGOUT_BODY, options=setting).tenant == "hq"
    assert event_of(ROCKETCHAT, LOGOUT_BODY, options=setting, headers=[("tenant", b"acme")]).tenant == "acme"


def test_key_source_and_subject_are_escaped_and_the_rest_is_raw() -> None:
    body = MAGINE_BODY.replace(b"u-1", b"u/%\\u0000\\u0085\xc3\xa9 :")
    event = event_of(MAGINE, body, headers=[("tenant", b"a/b\x7f")])
    assert event.source == "/vendors/magine/a%2Fb%7F"
    assert event.subject == "u%2F%25%00%C2%85é :"
    assert event.partitionkey == f"magine/a%2Fb%7F/{event.subject}"
    assert event.tenant == "a/b\x7f"
    assert event.data.user["sub"] == "u/%\x00\x85é :"


@pytest.mark.parametrize(
    ("headers", "event_id"),
    [
        ([("webhook-id", b"msg_1")], "msg_1"),
        ([("Webhook-ID", b"msg_1"), ("webhook-id", b"msg_2")], "msg_2"),
        ([("webhook-id", b"msg_1"), ("webhook-id", b"")], None),
        ([("webhook-id", b"\xff")], None),
        ([("x-fp-event-id", b"f")], None),
    ],
)
def test_the_event_id_header_by_the_rules_of_headers(
    headers: list[tuple[str, Any]], event_id: str | None
) -> None:
    expected = event_id or hashlib.blake2b(MAGINE_BODY, digest_size=16).hexdigest()
    assert event_of(MAGINE, MAGINE_BODY, headers=headers).id == f"user.updated:{expected}"


@pytest.mark.parametrize(
    ("users", "endings"), [(1, [""]), (2, [".0", ".1"]), (11, [f".{n}" for n in range(11)])]
)
def test_several_users_number_their_events(users: int, endings: list[str]) -> None:
    row = {"userId": "u", "updatedAt": "2025-11-21T10:00:00Z"}
    body = json.dumps({"event": "user.didUpdate", "data": {"users": [row] * users}}).encode()
    outcome = outcome_of(AMITY, body)
    assert isinstance(outcome, Emit)
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    assert [event.id for event in outcome.events] == [
        f"user.didUpdate:{digest}{ending}" for ending in endings
    ]


def test_left_out_fields_are_named_once_each_and_never_quoted() -> None:
    body = (
        b'{"type":"user.updated","timestamp":"2025-11-21T10:00:00Z","data":{"userId":"u-1","name":5,'
        b'"tags":["a",1,2],"birthDate":"zq7"}}'
    )
    outcome = outcome_of(MAGINE, body)
    assert isinstance(outcome, Emit)
    assert sorted(outcome.left_out) == ["birthDate", "name", "tags", "tags"]


def test_a_log_in_names_an_odd_date_once() -> None:
    body = b'{"event":"IPostUserLoggedIn","context":{"id":"u-1","lastLoginAt":"soon"}}'
    outcome = outcome_of(ROCKETCHAT, body)
    assert isinstance(outcome, Emit)
    assert outcome.left_out == ("lastLoginAt",)


@pytest.mark.parametrize("member", ["previousData", "performedBy"])
def test_an_odd_part_of_a_context_is_named_and_a_null_one_is_not(member: str) -> None:
    for value, names in ((5, (member,)), ("x", (member,)), (None, ())):
        body = json.dumps({"event": "IPostUserUpdated", "context": {"user": {"id": "u-1"}, member: value}})
        outcome = outcome_of(ROCKETCHAT, body.encode())
        assert isinstance(outcome, Emit)
        assert outcome.left_out == names


def test_an_event_of_any_depth_that_passes_can_be_read_again() -> None:
    deep: Any = "x"
    for _ in range(600):
        deep = [deep]
    row = {"userId": "u", "updatedAt": "2025-11-21T10:00:00Z", "metadata": {"deep": deep}}
    event = event_of(AMITY, msgspec.json.encode({"event": "user.didUpdate", "data": {"users": [row]}}))
    assert decode_event(encode_event(event)) == event
