"""Lines of exports become full snapshots, or say why not."""

from typing import Any

import pytest

from app.outcome import Dead, Emit, Skip
from app.vendors import VENDORS
from app.vendors.user_bodies import USER_BODIES
from tests.operator_tools.exports import (
    EXPORTED,
    NOW,
    WITHOUT_TIME,
    converter,
    imported,
    line,
    streamed,
    written,
)
from tests.state.events import at
from tests.vendors.records import as_read

SUB = "42"


def refused(vendor: str, value: object, **parts: Any) -> Dead:
    text = value if isinstance(value, bytes) else line(value)
    outcome = converter(vendor, **{"as_of": 30, **parts}).convert(text, 7)
    assert isinstance(outcome, Dead), outcome
    return outcome


def test_objects_of_these_vendors_can_be_imported() -> None:
    assert USER_BODIES.keys() == EXPORTED.keys() <= VENDORS.keys()


def test_of_any_other_vendor_whole_bodies_can_be_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(USER_BODIES, "magine")
    magine = EXPORTED["magine"]
    user = magine.user(SUB, "ada", 5)
    assert imported("magine", magine.body(user, 5, 1)).data.user["name"] == "ada"
    assert refused("magine", user) == Dead("schema", "$.type: expected str")


@pytest.mark.parametrize("vendor", EXPORTED)
def test_an_object_says_what_the_webhook_says_of_it(vendor: str) -> None:
    it = EXPORTED[vendor]
    user = it.user(SUB, "ada", 5)
    event = imported(vendor, user, as_of=30)
    same = streamed(vendor, it.body(user, 5, 1))
    assert event.data == same.data
    assert (event.type, event.vendortype, event.data.snapshot) == ("user.updated", "import", "full")
    assert (event.partitionkey, event.source, event.tenant) == (same.partitionkey, same.source, it.tenant)
    assert event.id.startswith("import:")
    assert len(event.id) == len("import:") + 32
    assert event.origin == "import/0/1"
    assert not event.recordedtime
    expected = (at(5), "row") if it.has_time else (at(30), "event")
    assert (event.time, event.timesource) == expected


@pytest.mark.parametrize("vendor", EXPORTED)
def test_the_same_import_gives_the_same_ids_and_another_one_others(vendor: str) -> None:
    it = EXPORTED[vendor]
    user = it.user(SUB, "ada", 5)
    first = written(vendor, user, as_of=30)
    again = converter(vendor, 30, now=NOW + 5000).convert(line(dict(reversed(user.items()))), 9)
    assert isinstance(again, Emit)
    assert again.events[0].id == first.id
    assert written(vendor, it.user(SUB, "bo", 5), as_of=30).id != first.id
    assert written(vendor, it.user("43", "ada", 5), as_of=30).id != first.id
    assert written(vendor, it.user(SUB, "ada", 6), as_of=31).id != first.id
    of_another = converter(vendor, 30, tenant="other").convert(line(user), 1)
    assert isinstance(of_another, Emit)
    assert of_another.events[0].id != first.id


@pytest.mark.parametrize("vendor", WITHOUT_TIME)
def test_a_user_without_a_time_needs_that_of_the_export(vendor: str) -> None:
    user = EXPORTED[vendor].user(SUB, "ada", 5)
    assert refused(vendor, user, as_of=None) == Dead(
        "bad_time", "the user: expected a time of its own, or --as-of"
    )


@pytest.mark.parametrize(
    ("vendor", "member"), [("fynd", "updated_at"), ("rocketchat", "updatedAt"), ("amity", "updatedAt")]
)
def test_a_row_without_its_time_takes_that_of_the_export(vendor: str, member: str) -> None:
    user = EXPORTED[vendor].user(SUB, "ada", 5)
    del user[member]
    event = imported(vendor, user, as_of=30)
    assert (event.time, event.timesource, event.data.snapshot) == (at(30), "event", "full")
    dead = refused(vendor, user, as_of=None)
    assert (dead.reason, dead.detail.partition(": ")[2]) == (
        "bad_time",
        "expected a time of its own, or --as-of",
    )


@pytest.mark.parametrize("vendor", EXPORTED)
def test_whole_bodies_keep_their_time(vendor: str) -> None:
    it = EXPORTED[vendor]
    body = it.body(it.user(SUB, "ada", 5), 5, 3)
    event = imported(vendor, body, as_of=30)
    assert (event.time, event.type, event.data.snapshot) == (at(5), "user.updated", "full")
    assert event.id == imported(vendor, body).id
    assert imported(vendor, it.deletion(SUB, 8), as_of=30).type == "user.deleted"


def test_what_an_event_says_of_a_change_is_not_imported() -> None:
    user = EXPORTED["rocketchat"].user(SUB, "ada", 5)
    context = {"user": user, "performedBy": {"id": "x"}, "previousData": {**user, "name": "bo"}}
    body = {"event": "IPostUserUpdated", "context": context}
    data = imported("rocketchat", body).data
    assert not data.previous
    assert not data.actor


@pytest.mark.parametrize(
    ("vendor", "gone", "kind"),
    [
        ("selfcommunity", {"status": "u"}, "hard"),
        ("fynd", {"archive": True}, "soft"),
        ("amity", {"isDeleted": True}, "soft"),
    ],
)
def test_a_user_whom_the_vendor_calls_deleted_is_a_deletion(vendor: str, gone: Any, kind: str) -> None:
    user = EXPORTED[vendor].user(SUB, "ada", 5) | gone
    event = imported(vendor, user, as_of=30)
    assert (event.type, event.data.user, event.data.deletion and event.data.deletion.kind) == (
        "user.deleted",
        {"sub": SUB},
        kind,
    )
    # To archive a user need not touch the row of Fynd, so the later time counts.
    assert event.time == (at(5) if vendor == "amity" else at(30))
    if vendor == "fynd":
        assert imported(vendor, user).time == at(5)


def test_the_company_of_fynd_comes_from_the_tenant() -> None:
    user = EXPORTED["fynd"].user(SUB, "ada", 5)
    assert (imported("fynd", user).data.attributes or {})["company_id"] == 7
    other = converter("fynd", tenant="acme").convert(line(user), 1)
    assert isinstance(other, Emit)
    assert "company_id" not in (as_read(other.events[0]).data.attributes or {})


def test_a_page_of_amity_has_the_pictures_of_its_users() -> None:
    user = EXPORTED["amity"].user(SUB, "ada", 5) | {"avatarFileId": "f-1"}
    files = [{"fileId": "f-1", "fileUrl": "https://cdn.example.com/f-1"}]
    outcome = converter("amity").convert(line({"users": [user, {**user, "userId": "43"}], "files": files}), 1)
    assert isinstance(outcome, Emit)
    assert [as_read(event).data.user["picture"] for event in outcome.events] == [files[0]["fileUrl"]] * 2
    assert len({event.id for event in outcome.events}) == 2
    assert refused("amity", user).detail.startswith("$.avatarFileId: expected its file")
    assert imported("amity", user | {"avatarCustomUrl": "https://x.example/y"}).data.user["picture"]


@pytest.mark.parametrize(
    ("vendor", "value", "reason", "detail"),
    [
        ("magine", b"{", "not_json", "$: expected JSON"),
        ("magine", b'{"userId":"u"} x', "not_json", "$: expected JSON"),
        ("magine", b'{"userId":"u"},"type":"user.deleted","x":{}', "not_json", "$: expected JSON"),
        ("magine", b'{"\xff":1}', "not_json", "$: expected JSON"),
        ("magine", b"[]", "schema", "$: expected an object"),
        ("magine", {"userId": ""}, "schema", "$.data.userId: expected non-empty str or int"),
        (
            "magine",
            {"userId": "u", "deleted": True},
            "schema",
            "$.deleted: expected a user who is not deleted",
        ),
        (
            "magine",
            {"type": "user.updated", "timestamp": at(1), "data": {"userId": "u"}},
            "schema",
            "$: expected a full snapshot of the user",
        ),
        (
            "selfcommunity",
            {"id": 1, "username": "x", "email": "y"},
            "schema",
            "$: expected a whole user, with email, and with status or date_joined",
        ),
        (
            "selfcommunity",
            {"id": 1, "status": "a"},
            "schema",
            "$: expected a whole user, with email, and with status or date_joined",
        ),
        (
            "rocketchat",
            {"id": "a", "username": "x", "updatedAt": at(2)},
            "schema",
            "$: expected a full snapshot of the user",
        ),
        (
            "fynd",
            {"user_id": "a", "updated_at": "1999-01-01T00:00:00Z"},
            "bad_time",
            None,
        ),
        ("amity", {"userId": "a", "updatedAt": "x"}, "schema", None),
        ("magine", {"type": "user.x", "timestamp": at(1), "data": {}}, "unknown_event", None),
    ],
)
def test_what_is_no_whole_user_is_refused(
    vendor: str, value: object, reason: str, detail: str | None
) -> None:
    dead = refused(vendor, value)
    assert dead.reason == reason
    assert detail is None or dead.detail == detail


def test_a_line_that_is_too_long_is_refused_unread() -> None:
    assert refused("magine", b'{"userId":"u"' + b" " * 200 + b"}", limit=100).reason == "too_large"


def test_bodies_that_make_no_event_are_skipped() -> None:
    outcome = converter("fynd").convert(line({"event": {"name": "ping"}, "payload": []}), 1)
    assert outcome == Skip("ping")


def test_half_of_a_surrogate_pair_is_no_reason() -> None:
    name = b'{"userId":"u","name":"\\ud83d","\\ud83d":1}'
    outcome = converter("magine", 30).convert(name, 1)
    assert isinstance(outcome, Emit)
    assert as_read(outcome.events[0]).data.user["name"] == "\ufffd"


def test_names_of_fields_that_are_left_out_are_told() -> None:
    outcome = converter("magine", 30).convert(line({"userId": "u", "tags": [1], "name": 5}), 1)
    assert isinstance(outcome, Emit)
    assert sorted(outcome.left_out) == ["name", "tags"]


def test_a_user_whom_the_export_lacks_is_deleted_when_it_began() -> None:
    event = converter("magine", 30, tenant="a/b").deletion("x/y")
    assert event.partitionkey == "magine/a%2Fb/x%2Fy"
    read = as_read(event)
    assert (read.type, read.time, read.timesource) == ("user.deleted", at(30), "event")
    assert (read.data.status, read.data.snapshot, read.data.user) == ("deleted", "partial", {"sub": "x/y"})
    assert read.data.deletion
    assert read.data.deletion.kind == "unknown"
    assert event.id == converter("magine", 30, tenant="a/b").deletion("x/y").id
