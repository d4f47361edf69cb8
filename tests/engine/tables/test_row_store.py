"""A store keeps less than it was given, and returns exactly what it was given."""

from hypothesis import given
from hypothesis import strategies as st

from app.engine.tables.row_store import RowStore


def head(key: bytes) -> bytes:
    return b'{"of":"' + key + b'",'


OWN = head(b"ada")
# Rows with everything, in any position, that the store could confuse with one of its own marks.
ROWS = st.lists(st.sampled_from([OWN, head(b"bob"), b'"', b"=", b"{", b'"name":1}', b"\x00"])).map(b"".join)


@given(st.dictionaries(st.sampled_from([b"ada", b"bob", b"", b"a/b"]), ROWS))
def test_every_row_comes_back_byte_for_byte(rows: dict[bytes, bytes]) -> None:
    store = RowStore(head)
    store.update(rows)
    assert dict(store) == rows
    assert {key: store.get(key) for key in rows} == rows
    assert all(store[key] == row for key, row in rows.items())
    assert len(store) == len(rows)


def test_the_head_is_not_kept() -> None:
    store = RowStore(head)
    store[b"ada"] = OWN + b'"name":"Ada"}'
    assert list(store._kept.values()) == [b'"name":"Ada"}']
    assert store.byte_count() == len(b'"name":"Ada"}')


def test_a_missing_key_has_no_row() -> None:
    store = RowStore(head)
    assert store.get(b"ada") is None
    assert store.get(b"ada", b"none") == b"none"
    assert b"ada" not in store
    assert store.pop(b"ada", None) is None


def test_holding_names_the_keys_whose_rows_have_the_text() -> None:
    store = RowStore(head)
    store[b"ada"] = OWN + b'"deleted_at":1}'
    store[b"bob"] = b'{"deleted_at":1}'
    store[b"cy"] = head(b"cy") + b'"name":"Cy"}'
    assert store.holding(b'"deleted_at"') == [b"ada", b"bob"]


def test_two_stores_can_share_their_key_objects() -> None:
    users, loyalty = RowStore(head), RowStore(head)
    users[bytes([97, 100, 97])] = OWN + b'"name":"Ada"}'
    loyalty[bytes([97, 100, 97])] = OWN + b'"points":1}'
    loyalty[b"bob"] = b"1"
    loyalty.share_keys(users)
    assert next(iter(loyalty)) is next(iter(users))
    assert dict(loyalty) == {b"ada": OWN + b'"points":1}', b"bob": b"1"}
