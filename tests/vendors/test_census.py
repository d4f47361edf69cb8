"""Names that no mapper reads are told, and only names, and never by a way that could stop a worker."""

import json
from typing import Any

import pytest

from app.vendors import VENDORS
from app.vendors.census import names_not_mapped


def names(vendor: str, body: Any) -> set[str]:
    return names_not_mapped(VENDORS[vendor], json.dumps(body).encode())


@pytest.mark.parametrize(
    ("vendor", "body", "unread"),
    [
        ("magine", {"type": "x", "timestamp": "x", "data": {"userId": "u", "tags": ["a"]}}, set()),
        ("magine", {"version": 3, "data": {"userId": "u", "openIds": {"a": 1}}}, {"version", "openIds"}),
        (
            "amity",
            {"data": {"users": [{"userId": "u", "hashFlag": {"bits": 1}}, {"path": "p"}], "followers": []}},
            {"hashFlag", "path", "followers"},
        ),
        ("amity", {"data": {"users": [{"metadata": {"any": 1}}], "files": [{"altText": "x"}]}}, {"altText"}),
        ("rocketchat", {"context": {"id": "u", "customFields": {"shoe": "43"}}}, {"customFields"}),
        (
            "rocketchat",
            {"context": {"user": {"settings": {"preferences": {"language": "en", "theme": "x"}}}}},
            {"theme"},
        ),
        ("selfcommunity", {"data": {"id": 1, "posts_counter": 5, "shoe_size": 43}}, {"shoe_size"}),
        ("fynd", {"payload": [{"user": {"user_id": "u", "rr_id": "r"}}]}, {"rr_id"}),
    ],
)
def test_names_that_no_shape_has_are_told_down_to_the_objects_that_are_read(
    vendor: str, body: Any, unread: set[str]
) -> None:
    assert names(vendor, body) == unread


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[]", b"null", b"5", b'{"a":"\xff"}', b'{"a":1e999}'])
def test_what_has_no_members_to_read_has_no_names(vendor: str, body: bytes) -> None:
    assert names_not_mapped(VENDORS[vendor], body) == set()


@pytest.mark.parametrize("depth", [100, 690, 2_000, 100_000])
@pytest.mark.parametrize("name", ["data", "payload", "context"])
def test_no_depth_of_nesting_is_an_error(name: str, depth: int) -> None:
    for vendor in VENDORS.values():
        names_not_mapped(vendor, b'{"%s":' % name.encode() + b"[" * depth + b"]" * depth + b"}")
