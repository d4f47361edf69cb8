"""The rules of `app.state` in the form in which the lane keeps rows: as bytes."""

from functools import lru_cache

from app.canonical import escape
from app.lane.rowlogic import LaterVersion, NoRow, PairLogic, Row, RowLogic, TableName
from app.state import (
    InvalidRow,
    LaterRow,
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
from app.state.rows import Marker


def key_of(vendor: str, tenant: str, sub: str) -> bytes:
    """The key of a user's events and rows (contract, section 1)."""
    return f"{vendor}/{escape(tenant)}/{escape(sub)}".encode()


def judge(table: TableName, key: bytes, value: bytes) -> NoRow | LaterVersion | None:
    """None if the value is a row of this table and key (contract, section 4). Never raises."""
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
    # Neither is None, so nothing can have been lost.
    assert merged is not None
    return encode_loyalty(merged)


def _reconcile(user: Row, loyalty: Row) -> tuple[Row, Row]:
    if user is None or loyalty is None:
        return user, loyalty
    pruned = prune(decode_loyalty(loyalty), decode_user(user))
    return user, None if pruned is None else encode_loyalty(pruned)


def _is_marker(user: bytes) -> bool:
    return isinstance(decode_user(user), Marker)


def _head(key: bytes) -> bytes:
    """The first members of both rows. Not those of a key with escapes, whose rows are kept whole."""
    owner, _, sub = key.rpartition(b"/")
    return _owner_head(owner) + sub + b'",'


@lru_cache(maxsize=4096)
def _owner_head(owner: bytes) -> bytes:
    vendor, _, tenant = owner.partition(b"/")
    return b'{"vendor":"%b","tenant":"%b","sub":"' % (vendor, tenant)


ROW_LOGIC = PairLogic(
    users=RowLogic(merge=_merge_users, supersedes=user_supersedes),
    loyalty=RowLogic(merge=_merge_loyalty, supersedes=loyalty_supersedes),
    judge=judge,
    reconcile=_reconcile,
    is_marker=_is_marker,
    head=_head,
)
