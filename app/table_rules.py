"""Gives the engine the rules of `app.state`. The engine keeps rows as bytes and knows nothing of their
content."""

from functools import lru_cache

from app.engine import LaterVersion, NoRow, Row, RowRules, TableName, TableRules
from app.keys import key_of
from app.state import (
    DeletedUser,
    InvalidRow,
    LaterRow,
    changed_loyalty,
    changed_user,
    decode_loyalty,
    decode_user,
    encode_loyalty,
    encode_user,
    loyalty_supersedes,
    merge_loyalty,
    merge_users,
    prune,
    read_loyalty,
    read_user,
    user_supersedes,
)


def judge(table: TableName, key: bytes, value: bytes) -> NoRow | LaterVersion | None:
    """Returns None if the value is a row of this table and key, else what it is (docs/tables.md#no-row).
    Never raises."""
    try:
        row = read_user(value) if table == "users" else read_loyalty(value)
    except LaterRow as later:
        return LaterVersion() if key_of(*later.owner) == key else _OTHER_KEY
    except InvalidRow as error:
        return NoRow(error.reason, str(error))
    return None if key_of(row.vendor, row.tenant, row.sub) == key else _OTHER_KEY


_OTHER_KEY = NoRow("schema", "$: expected the row of the record's key")


def _merge_users(_key: bytes, older: bytes, newer: bytes) -> bytes:
    return encode_user(merge_users(decode_user(older), decode_user(newer)))


def _merge_loyalty(_key: bytes, older: bytes, newer: bytes) -> bytes:
    merged = merge_loyalty(decode_loyalty(older), decode_loyalty(newer))
    # `merge_loyalty` returns None only if both rows are None.
    assert merged is not None
    return encode_loyalty(merged)


def _reconcile(user: Row, loyalty: Row) -> tuple[Row, Row]:
    if user is None or loyalty is None:
        return user, loyalty
    pruned = prune(decode_loyalty(loyalty), decode_user(user))
    return user, None if pruned is None else encode_loyalty(pruned)


def _changed_user(before: Row, after: Row) -> bytes:
    return changed_user(
        None if before is None else decode_user(before),
        None if after is None else decode_user(after),
        # Another program may have encoded them.
        None,
        None,
    )


def _changed_loyalty(before: Row, after: Row) -> bytes:
    return changed_loyalty(
        None if before is None else decode_loyalty(before), None if after is None else decode_loyalty(after)
    )


def _is_marker(user: bytes) -> bool:
    return isinstance(decode_user(user), DeletedUser)


# perf: saves the head of a key that has a second row, or is read and then written; plain form: without the
# cache.
@lru_cache(maxsize=8192)
def _head(key: bytes) -> bytes:
    """Returns the bytes with which both rows of a key begin. If the key has escapes, the rows begin
    otherwise, and the engine keeps them whole."""
    owner, _, sub = key.rpartition(b"/")
    return _owner_head(owner) + sub + b'",'


# perf: saves 25 % of `_head`; plain form: without the cache.
@lru_cache(maxsize=4096)
def _owner_head(owner: bytes) -> bytes:
    vendor, _, tenant = owner.partition(b"/")
    return b'{"vendor":"%b","tenant":"%b","sub":"' % (vendor, tenant)


TABLE_RULES = TableRules(
    users=RowRules(merge=_merge_users, supersedes=user_supersedes, changed=_changed_user),
    loyalty=RowRules(merge=_merge_loyalty, supersedes=loyalty_supersedes, changed=_changed_loyalty),
    judge=judge,
    reconcile=_reconcile,
    is_marker=_is_marker,
    head=_head,
    tail=b"}",
)
