"""The key that the kits' producer takes from a body: the same for all events of a user."""

import json
from typing import Any

import pytest

from app.vendors import VENDORS as OURS
from producers import VENDORS, user_of
from tests.docs.test_closed_sets import names, table
from tests.vendors.fixtures import Fixture, fixtures_of


def emitted(vendor: str) -> list[Fixture]:
    return [each for each in fixtures_of(vendor) if each.value and each.outcome.get("events")]


def test_it_knows_the_vendors_and_their_topics() -> None:
    assert {name: each.topic for name, each in VENDORS.items()} == {
        name: f"vendor.{name}.users" for name in OURS
    }


def test_the_page_says_the_same_of_each_vendor() -> None:
    for (_, topic, kept, _, user), vendor in zip(
        table("kits/README.md", "Producers"), VENDORS.values(), strict=True
    ):
        paths = [path.replace("[", ".").replace("]", "") for path in names(user)]
        assert (names(topic), tuple(names(kept))) == ([vendor.topic], vendor.kept)
        assert tuple(paths) == vendor.user[: len(paths)] != ()


@pytest.mark.parametrize("vendor", OURS)
def test_the_key_is_the_id_that_the_event_has(vendor: str) -> None:
    right = wrong = 0
    for fixture in emitted(vendor):
        key = user_of(fixture.value or b"", VENDORS[vendor].user)
        if key is None or key.decode() == fixture.outcome["events"][0]["data"]["user"]["sub"]:
            right += key is not None
        else:
            wrong += 1
    # Fixtures with odd ids, or with ids in odd places, are few. No other user's id is ever taken.
    assert wrong == 0
    assert right > 0.9 * len(emitted(vendor))


@pytest.mark.parametrize("body", [b"", b"{", b"\xff", b"[" * 100_000, b"1", b"{}", b'{"data":[]}', b"null"])
def test_a_body_without_an_id_has_no_key(body: bytes) -> None:
    assert [user_of(body, vendor.user) for vendor in VENDORS.values()] == [None] * len(VENDORS)


@pytest.mark.parametrize(
    ("users", "key"), [([], None), ([{"userId": ""}], None), ([{"userId": 7}, {"userId": 8}], b"7")]
)
def test_of_several_users_the_first_is_the_key(users: list[Any], key: bytes | None) -> None:
    body = json.dumps({"event": "user.didUpdate", "data": {"users": users}}).encode()
    assert user_of(body, VENDORS["amity"].user) == key
