"""The rules of rows in the form in which the engine uses them: on bytes."""

from typing import Any

import pytest

from app.canonical import Event
from app.engine.tables.row_store import RowStore
from app.state import DeletedUser, LoyaltyRow, UserRow, apply, decode_user, encode_loyalty, encode_user
from app.table_rules import TABLE_RULES
from tests.state.events import deleted, full, score
from tests.state.histories import encoded, replay


def rows_of(vendor: str, tenant: str, sub: str) -> list[bytes]:
    names: dict[str, Any] = {"vendor": vendor, "tenant": tenant, "sub": sub}
    return [
        encode_user(UserRow(**names, complete=True, profile={}, attributes={}, settings={}, stamps={})),
        encode_user(DeletedUser(**names, deleted_at="2024-01-01T00:00:00.000000Z")),
        encode_loyalty(LoyaltyRow(**names, entries=[])),
    ]


@pytest.mark.parametrize(("tenant", "sub"), [("acme", "42"), ("1.app", "żółw"), ("default", "a b")])
def test_the_head_is_how_every_row_of_a_key_begins(tenant: str, sub: str) -> None:
    head = TABLE_RULES.head(f"fynd/{tenant}/{sub}".encode())
    assert all(row.startswith(head + b'"') for row in rows_of("fynd", tenant, sub))


@pytest.mark.parametrize(
    ("key", "sub"),
    [
        ("fynd/acme/a%2Fb", "a/b"),
        ('fynd/acme/"', '"'),
        ("fynd/acme/\\", "\\"),
        ("nobody's", "42"),
        ("", "42"),
        ("fynd/acme/42/more", "42"),
    ],
)
def test_rows_that_begin_otherwise_are_kept_as_they_are(key: str, sub: str) -> None:
    for row in rows_of("fynd", "acme", sub):
        assert not row.startswith(TABLE_RULES.head(key.encode()))
        store = RowStore(TABLE_RULES.head)
        store[key.encode()] = row
        assert store[key.encode()] == store.get(key.encode()) == row
        assert store.size(key.encode()) >= len(row)


def test_the_size_of_a_row_is_known_but_for_its_head() -> None:
    key = b"fynd/acme/42"
    store = RowStore(TABLE_RULES.head)
    assert store.get(key) is None
    assert store.size(key) == 0
    for row in rows_of("fynd", "acme", "42"):
        store[key] = row
        assert store.get(key) == row
        assert store.size(key) == len(row) - len(TABLE_RULES.head(key))


def row_pair(*history: Event) -> tuple[bytes, bytes]:
    user, loyalty = encoded(replay(list(history)))
    assert user is not None
    assert loyalty is not None
    return user, loyalty


def test_two_versions_become_the_row_of_both_histories() -> None:
    older, newer = row_pair(full(1), score(2)), row_pair(full(3), score(4))
    user, loyalty = row_pair(full(1), score(2), full(3), score(4))
    assert TABLE_RULES.users.merge(b"magine/acme/7", older[0], newer[0]) == user
    assert TABLE_RULES.loyalty.merge(b"magine/acme/7", older[1], newer[1]) == loyalty


def test_a_deletion_that_one_log_knows_prunes_the_other() -> None:
    marker, _ = encoded(replay([full(1), deleted(5)]))
    alive, loyalty = row_pair(full(1), score(2))
    assert marker is not None
    assert TABLE_RULES.reconcile(marker, loyalty) == (marker, None)
    assert TABLE_RULES.reconcile(alive, loyalty) == (alive, loyalty)
    assert TABLE_RULES.reconcile(None, loyalty) == (None, loyalty)
    assert TABLE_RULES.reconcile(marker, None) == (marker, None)


def test_only_a_marker_is_one() -> None:
    marker, _ = encoded(replay([full(1), deleted(5)]))
    assert marker is not None
    assert TABLE_RULES.is_marker(marker)
    assert not TABLE_RULES.is_marker(row_pair(full(1), score(2))[0])


def unstamped(**members: Any) -> bytes:
    """Returns a users row that passes, but that Rollcall never writes: it has values without a stamp."""
    names: dict[str, Any] = {"vendor": "magine", "tenant": "acme", "sub": "7", "complete": False}
    groups: dict[str, Any] = {"profile": {}, "attributes": {}, "settings": {}, "stamps": {}}
    return encode_user(UserRow(**(names | groups | members)))


@pytest.mark.parametrize(
    "members",
    [
        {"settings": {"sound": 1}},
        {"status": "active"},
        {"profile": {"name": "N", "address": {"country": "FI"}}},
        {"attributes": {"roles": ["a"]}},
    ],
)
def test_a_row_with_values_without_a_stamp_stays_a_row(members: dict[str, Any]) -> None:
    key, row = b"magine/acme/7", unstamped(**members)
    assert TABLE_RULES.judge("users", key, row) is None
    later = row_pair(full(3), score(4))[0]
    merged = TABLE_RULES.users.merge(key, row, later)
    assert TABLE_RULES.judge("users", key, merged) is None
    assert TABLE_RULES.users.merge(key, later, row) == merged
    user, _, _ = apply(full(3), decode_user(row), None)
    assert user is not None
    assert TABLE_RULES.judge("users", key, encode_user(user)) is None


@pytest.mark.parametrize("name", ["status", "zq7"])
def test_a_stamp_that_the_merge_would_keep_is_not_superseded(name: str) -> None:
    older = unstamped(complete=True, as_of=0, stamps={name: 0})
    newer = unstamped(complete=True, as_of=1)
    assert not TABLE_RULES.users.supersedes(older, newer)
    assert TABLE_RULES.users.merge(b"magine/acme/7", older, newer) != newer
