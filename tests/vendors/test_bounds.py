"""How large a carried value may be, and halves of surrogate pairs in any part of a body."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.bounds import MAX_TEXT_BYTES, MAX_VALUE_BYTES, NO_LARGE_TEXT, NO_LARGE_VALUE, without_half_surrogates
from app.canonical import InvalidEvent, decode_event
from app.outcome import Dead, Emit
from app.vendors import VENDORS
from tests.test_canonical import changed, with_data
from tests.vendors.records import MAGINE, as_read, body_named, event_of, outcome_of

# The JSON of these has exactly as many bytes as a value may have.
LARGEST: list[Any] = ["x" * 16_382, "é" * 8191, "\x01" * 2730 + "xx", ["x" * 16_380], {"a": "x" * 16_376}]


def magine(**user: object) -> bytes:
    user = {"userId": "u", "locale": "sv", **user}
    return msgspec.json.encode({"type": "user.updated", "timestamp": "2025-11-21T10:00:00Z", "data": user})


@pytest.mark.parametrize(
    "text", [it for it in LARGEST if isinstance(it, str)], ids=["ascii", "utf-8", "escapes"]
)
@pytest.mark.parametrize(
    ("sent", "claim"), [("name", "name"), ("email", "email"), ("mobilePhone", "phone_number")]
)
def test_a_claim_has_at_most_16_kib_and_a_larger_one_is_left_out_alone(
    sent: str, claim: str, text: str
) -> None:
    assert len(msgspec.json.encode(text)) == MAX_VALUE_BYTES
    assert event_of(MAGINE, magine(**{sent: text})).data.user[claim] == text
    outcome = outcome_of(MAGINE, magine(**{sent: text + "x"}))
    assert isinstance(outcome, Emit)
    assert as_read(outcome.events[0]).data.user == {"sub": "u", "locale": "sv"}
    assert outcome.left_out == (claim,)


def test_the_address_and_each_attribute_and_earlier_value_are_bounded_as_a_whole() -> None:
    half = "x" * 9000
    sent = magine(country=half, zipCode=half, tags=[half, half], emailBeforeUpdate=half * 2)
    outcome = outcome_of(MAGINE, sent)
    assert isinstance(outcome, Emit)
    data = as_read(outcome.events[0]).data
    assert data.user == {"sub": "u", "locale": "sv"}
    assert data.attributes == {"country": half}
    assert data.previous is msgspec.UNSET
    assert sorted(outcome.left_out) == ["address", "email", "tags"]


def test_of_a_mapper_that_fills_a_dictionary_a_larger_value_is_left_out_too() -> None:
    user = {"id": 1, "first_name": "x" * 17_000, "account_type": "x" * 17_000, "gender": "female"}
    event = {"name": "user", "type": "update", "created_timestamp": 1763632800123}
    outcome = outcome_of(VENDORS["fynd"], msgspec.json.encode({"event": event, "payload": [{"user": user}]}))
    assert isinstance(outcome, Emit)
    data = as_read(outcome.events[0]).data
    assert data.user == {"sub": "1", "gender": "female"}
    assert data.attributes is msgspec.UNSET
    assert sorted(outcome.left_out) == ["account_type", "given_name", "name"]


@given(
    st.recursive(
        st.sampled_from([1e15, 1e16, 123456789012345.0, 2**64, -0.0, 5e-324, "\x01", "é", True, None]),
        lambda inner: st.lists(inner, max_size=9) | st.dictionaries(st.text(max_size=3), inner, max_size=9),
    )
)
def test_nothing_is_much_larger_when_it_is_written_again(value: object) -> None:
    """So no value of a short body is too large, and the mapper does not have to check its values."""
    for sent in (json.dumps(value, ensure_ascii=False, separators=(",", ":")), "[1e15]", "[1e16,1E15]"):
        again = msgspec.json.encode(msgspec.json.decode(sent))
        assert len(again) * NO_LARGE_VALUE <= MAX_VALUE_BYTES * len(sent.encode())
    assert NO_LARGE_TEXT < MAX_TEXT_BYTES


@pytest.mark.parametrize("value", LARGEST)
@pytest.mark.parametrize("kind", ["user", "attributes", "settings"])
def test_a_canonical_event_is_held_to_the_same_bounds(kind: str, value: object) -> None:
    sub = {"sub": "1"} if kind == "user" else {}
    decode_event(with_data(**{kind: {**sub, "a": value}}))
    more = json.loads(json.dumps(value).replace("x", "xx", 1))
    if more != value:
        with pytest.raises(InvalidEvent):
            decode_event(with_data(**{kind: {**sub, "a": more}}))
    decode_event(with_data(**{kind: {**sub, **{f"n{it}": 1 for it in range(199)}}}))
    decode_event(with_data(**{kind: {**sub, "n" * 256: 1, "é" * 128: 1}}))
    for names in ([f"n{it}" for it in range(201)], ["n" * 257], ["é" * 129]):
        with pytest.raises(InvalidEvent):
            decode_event(with_data(**{kind: {**sub, **dict.fromkeys(names, 1)}}))


@pytest.mark.parametrize(
    "body",
    [
        with_data(user={"sub": "1" * 1025}),
        with_data(user={"sub": " None "}),
        changed(tenant="t" * 1025),
        with_data(score={"delta": 1, "comment": "x" * 1023}),
        with_data(points={"delta": 1, "reason": "x" * 1023}),
        with_data(presence={"status": "x" * 16_383}),
        with_data(previous={"name": "x" * 16_383}),
    ],
)
def test_what_is_too_large_beside_them_is_refused_too(body: bytes) -> None:
    with pytest.raises(InvalidEvent):
        decode_event(body)


HALVES = [
    (r"\ud83d", "\ufffd"), (r"\uD83D", "\ufffd"), (r"\ude00", "\ufffd"), (r"\ud83d\ud83d", "\ufffd\ufffd"),
    (r"\ude00\ud83d", "\ufffd\ufffd"), (r"\ud83d\ud83d\ude00", "\ufffd😀"), (r"\ud83d\ude00", "😀"),
    (r"\ud83dx", "\ufffdx"), (r"\\ud83d", r"\ud83d"), (r"\\\ud83d", "\\\ufffd"), (r"\ud83d\n", "\ufffd\n"),
    (r"\ud83d\\ude00", "\ufffd\\ude00"), (r"\ud83d\u0041", "\ufffdA"), (r"\udfff\udbff", "\ufffd\ufffd"),
]  # fmt: skip


@pytest.mark.parametrize(("escaped", "text"), HALVES)
def test_half_of_a_surrogate_pair_is_read_as_the_replacement_character(escaped: str, text: str) -> None:
    raw = '{"type":"user.updated","timestamp":"2025-11-21T10:00:00Z","data":{%s"userId":"u"}}'
    assert event_of(MAGINE, (raw % f'"name":"{escaped}",').encode()).data.user["name"] == text
    for unread in (f'"cargo":"{escaped}",', f'"{escaped}":1,', f'"cargo":{{"{escaped}":["{escaped}"]}},'):
        assert event_of(MAGINE, (raw % unread).encode()).data.user == {"sub": "u"}
    assert event_of(MAGINE, raw.replace('"u"', f'"{escaped}"').encode() % b"").data.user["sub"] == text
    event = changed(vendortype="#").replace(b'"#"', f'"{escaped}"'.encode())
    assert decode_event(event).vendortype == text


def test_a_body_full_of_halves_is_read_and_a_broken_one_is_not_json() -> None:
    body = magine(name="#").replace(b"#", rb"\ud83d" * 170_000)
    assert isinstance(outcome_of(MAGINE, body), Emit)
    assert outcome_of(MAGINE, body[:-1]) == Dead("not_json", "$: expected JSON")
    assert outcome_of(MAGINE, magine(name="#").replace(b"#", rb"\ud83")) == Dead(
        "not_json", "$: expected JSON"
    )
    assert without_half_surrogates(rb"\ud8") == rb"\ud8"


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", ["", "string", "<string>"])
def test_a_placeholder_of_an_event_name_is_unknown_before_any_list(vendor: str, name: str) -> None:
    body = {"event": {"name": name}} if vendor == "fynd" else body_named(vendor, name)
    outcome = outcome_of(VENDORS[vendor], json.dumps(body).encode())
    assert isinstance(outcome, Dead)
    assert outcome.reason == "unknown_event"
