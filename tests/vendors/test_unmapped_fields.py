"""The names that no mapper reads are collected: names, never values, and never with an error."""

import json
from collections.abc import Iterator

import pytest
from msgspec import structs

from app.vendors import VENDORS
from app.vendors.unmapped_fields import event_name, unmapped_fields
from tests.vendors.fixtures import fixtures_of

FYND = VENDORS["fynd"]


def names(vendor: str, body: object) -> set[str]:
    return unmapped_fields(VENDORS[vendor], json.dumps(body).encode())


def test_names_are_found_wherever_a_mapper_looks() -> None:
    user = {"user_id": "1", "shoe_size": 44, "emails": [{"email": "a@b", "pager": True}]}
    body = {"meta": {"zone": 1}, "payload": [{"user": user}], "extra": {"inner": 1}}
    assert names("fynd", body) >= {"shoe_size", "zone", "extra"}
    assert not names("fynd", body) & {"inner", "user_id", "payload", "user", "meta"}


def test_counters_of_selfcommunity_are_mapped_whatever_their_names() -> None:
    body = {"type": "user.created", "data": {"id": 1, "brand_new_counter": 3, "brand_new": 3}}
    found = names("selfcommunity", body)
    assert "brand_new" in found
    assert "brand_new_counter" not in found


@pytest.mark.parametrize("body", [b"", b"nope", b"\xff", b"1", b"null", b"[]", b'"x"', b"[[1]]", b"[{}]"])
@pytest.mark.parametrize("vendor", VENDORS)
def test_what_is_no_object_has_no_names(vendor: str, body: bytes) -> None:
    assert unmapped_fields(VENDORS[vendor], body) == set()


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("opening", [b"[", b'{"payload":', b'{"data":[', b'{"context":'])
def test_no_depth_is_too_much(vendor: str, opening: bytes) -> None:
    for depth in (10, 690, 750, 960, 990, 1010, 20_000):
        closing = b"".join({91: b"]", 123: b"}"}.get(byte, b"") for byte in reversed(opening))
        unmapped_fields(VENDORS[vendor], opening * depth + b"1" + closing * depth)


@pytest.mark.parametrize("vendor", VENDORS)
def test_of_the_fixtures_only_names_are_told(vendor: str) -> None:
    for fixture in fixtures_of(vendor):
        if fixture.value is None:
            continue
        for name in unmapped_fields(VENDORS[vendor], fixture.value):
            assert name in fixture.value.decode(errors="replace").replace("\\", "")


def test_neither_many_names_nor_long_ones_are_told() -> None:
    assert len(names("magine", {"type": "x", **{f"n{it}": 1 for it in range(5000)}})) == 1000
    assert names("magine", {"type": "x", "n" * 256: 1, "n" * 257: 1}) == {"n" * 256}


@pytest.mark.parametrize("vendor", VENDORS)
def test_each_record_that_has_no_event_for_its_name_tells_that_name(vendor: str) -> None:
    """The names of the fixtures, and no other text of their bodies."""
    bodies = [
        fixture.value or b""
        for fixture in fixtures_of(vendor)
        if fixture.outcome.get("reason") in ("other_family", "unknown_event")
    ]
    assert bodies
    for body in bodies:
        name, told = event_name(VENDORS[vendor], body), set(texts(json.loads(body)))
        assert name in told or (vendor == "fynd" and {"user", (name or "").removeprefix("user.")} <= told)


def texts(value: object) -> Iterator[str]:
    if isinstance(value, dict):
        yield from (text for member in value.values() for text in texts(member))
    elif isinstance(value, str):
        yield value


def test_the_family_user_of_fynd_is_told_with_its_type() -> None:
    def told(event: object) -> str | None:
        return event_name(FYND, json.dumps(event).encode())

    assert told({"event": {"name": "user", "type": "merge"}}) == "user.merge"
    assert told({"meta": {"event": {"name": "user", "type": 4}}}) == "user"
    assert told({"event": {"name": "application"}}) == "application"
    assert told({"meta": {}}) is told({}) is told({"event": {"name": 4}}) is None


def test_what_has_no_name_tells_none() -> None:
    amity = VENDORS["amity"]
    for body in (b"", b"[]", b"{", b'{"event":7}', b'{"event":"%s"}' % (b"a." * 200), b"\xff"):
        assert event_name(amity, body) is None
    assert event_name(structs.replace(amity, event_name=None), b'{"event":"a.b"}') is None
