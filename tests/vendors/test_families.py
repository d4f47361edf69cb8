"""Event names that no mapper maps: which ones are of another family and skipped, and which ones are
unknown."""

import json
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.outcome import Dead, Outcome, Skip
from app.vendors import VENDORS
from app.vendors.event_names import dotted_family
from tests.vendors.fixtures import fixtures_of
from tests.vendors.records import body_named, outcome_of

# Fynd has the name in two members; `type` has a mapped one here. For the other vendors body_named finds the
# member.
BODIES: dict[str, Any] = {"fynd": lambda name: {"event": {"name": name, "type": "update"}}}
DOTTED = ["selfcommunity", "magine", "amity"]
PLACEHOLDERS = ["string", "<string>", ""]
OTHER = [
    "poll_vote.created", "post.didCreate", "a.b", "A.B", "a.b.c.d.e.f", "0.1", "_._", "-.-", "x-1.y_2",
    "users.created", "use.user", "user-.x", "user_.x", "_user.x", "user1.x", "xuser.created", "a.user",
    "v3.user.didUpdate", "app.user.deleted", "string.x", "null.null", "I.IPostUserUpdated",
]  # fmt: skip
UNKNOWN = [
    "user", "User", "post", "user.renamed", "user.Created", "user.x.y", "User.created", "USER.UPDATED",
    "uSeR.a", "user.created.v2", "user.didFollow.v2", "user.didfollow", "USER.didFollow", "user.", ".user",
    "user..x", ".", "..", ".a", "a.", "a..b", ".a.b", "a.b.", "a.b..", "a.b c", "a b.c", " a.b", "a.b ",
    "a.b\n", "\na.b", "a.b\r\n", "a.\tb", "a.b\0", "é.b", "a.é", "a.٣", "u\u017fer.x", "a\uff0eb", "a:b.c",
    "a/b.c", "a.b!", "a.b%", "a,b", "string ", "String", "<string>.x", "a.<string>",
]  # fmt: skip
HOOKS = ["IPostX", "IPreX", "IPostMessageSent", "IPreUserUpdated", "IPostUserUpdatedX"]
NO_HOOKS = ["IPost", "IPostx", "IPost1", "IPostÉ", "ipostX", "IPOSTX", " IPostX", "PostX", "I.PostX"]
LETTERS = frozenset(string.ascii_letters + string.digits + "_-.")


def by_the_words_of_the_page(name: str) -> bool:
    parts = name.split(".")
    return len(parts) >= 2 and all(parts) and LETTERS.issuperset(name) and parts[0].lower() != "user"


def judged(vendor: str, name: object) -> Outcome:
    body = BODIES[vendor](name) if vendor in BODIES else body_named(vendor, name)
    return outcome_of(VENDORS[vendor], json.dumps(body).encode())


def is_unknown(outcome: Outcome) -> bool:
    return isinstance(outcome, Dead) and outcome.reason == "unknown_event"


@pytest.mark.parametrize("name", OTHER)
def test_two_parts_or_more_that_do_not_begin_with_user_are_andotted_family(name: str) -> None:
    assert dotted_family(name)
    for vendor in DOTTED:
        assert judged(vendor, name) == Skip("other_family")
    assert is_unknown(judged("rocketchat", name))


@pytest.mark.parametrize("name", UNKNOWN)
def test_any_other_text_is_a_name_that_nobody_documented(name: str) -> None:
    assert not dotted_family(name)
    for vendor in [*DOTTED, "rocketchat"]:
        assert is_unknown(judged(vendor, name))


@given(st.text(st.sampled_from("userUSER..aZ09_- é\n"), max_size=12))
def test_the_rule_is_the_one_of_the_contract(name: str) -> None:
    assert dotted_family(name) == by_the_words_of_the_page(name)


@pytest.mark.parametrize("name", ["user.didFollow", "user.didJoinCommunity"])
def test_two_names_of_users_are_another_family_for_amity_only(name: str) -> None:
    assert judged("amity", name) == Skip("other_family")
    assert is_unknown(judged("selfcommunity", name))
    assert is_unknown(judged("magine", name))


@pytest.mark.parametrize("name", HOOKS)
def test_any_other_hook_is_another_family_for_rocketchat(name: str) -> None:
    assert judged("rocketchat", name) == Skip("other_family")
    for vendor in DOTTED:
        assert is_unknown(judged(vendor, name))


@pytest.mark.parametrize("name", NO_HOOKS)
def test_no_other_text_is_a_hook(name: str) -> None:
    assert is_unknown(judged("rocketchat", name))


@pytest.mark.parametrize("name", [*OTHER, *UNKNOWN, *HOOKS, "User", "Ping", " user", "ping ", " "])
def test_every_name_but_two_is_another_family_for_fynd(name: str) -> None:
    if name != "user":
        assert judged("fynd", name) == Skip("other_family")


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", PLACEHOLDERS)
def test_a_placeholder_is_unknown_to_every_vendor(vendor: str, name: str) -> None:
    assert is_unknown(judged(vendor, name))


@pytest.mark.parametrize("name", [*PLACEHOLDERS, "Update", "update ", "upsert", "a.b", "x.update"])
def test_every_type_of_fynds_user_but_three_is_unknown(name: str) -> None:
    body = json.dumps({"event": {"name": "user", "type": name}}).encode()
    assert is_unknown(outcome_of(VENDORS["fynd"], body))


@pytest.mark.parametrize("vendor", VENDORS)
@pytest.mark.parametrize("name", [None, 5, 1.5, True, [], ["a.b"], {}, {"name": "a.b"}])
def test_a_name_that_is_no_text_is_a_matter_of_shape(vendor: str, name: object) -> None:
    outcome = judged(vendor, name)
    assert isinstance(outcome, Dead)
    assert outcome.reason == "schema"


@pytest.mark.parametrize("vendor", DOTTED)
def test_no_mapped_name_is_andotted_family(vendor: str) -> None:
    for fixture in fixtures_of(vendor):
        for event in fixture.outcome.get("events", []):
            assert not dotted_family(event["vendortype"])


@pytest.mark.timeout(60)  # linear work is done in a blink
@pytest.mark.parametrize("part", ["a", "a.", "a" * 999 + ".", "-._.", "user.", "user_"], ids=len)
@pytest.mark.parametrize("end", ["", "a", ".", "!", "\n"])
def test_a_name_as_long_as_a_body_costs_no_more_than_its_bytes(part: str, end: str) -> None:
    name = part * (1_000_000 // len(part)) + end
    for vendor in DOTTED:
        skipped = judged(vendor, name) == Skip("other_family")
        assert skipped == by_the_words_of_the_page(name)
