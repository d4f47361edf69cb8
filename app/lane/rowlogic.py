"""What the lane has to know of the rows it keeps: injected, as rows are bytes to it.

The two tables belong together: a deletion that the users row knows prunes the loyalty row of the same
key (contract, section 4). `app/state` supplies the functions; all are pure and take encoded rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

TableName = Literal["users", "loyalty"]
TABLE_NAMES: Final[tuple[TableName, TableName]] = ("users", "loyalty")

Row = bytes | None
"""An encoded row, or none: the changelog holds a tombstone or nothing."""


@dataclass(frozen=True, slots=True)
class NoRow:
    """A value counts as not written: it is no row, or another key's."""

    reason: Literal["not_json", "schema"]
    detail: str
    """The place and what was expected there, never a value."""


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """A value is a row of its key, which a later version of the program wrote: it must not be touched."""


class Pair(NamedTuple):
    """Both rows of one key."""

    users: Row
    loyalty: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RowLogic:
    """How two versions of one table's row become one."""

    merge: Callable[[bytes, bytes, bytes], bytes]
    """merge(key, older, newer) -> row: commutative, associative, idempotent; never loses what either has."""
    supersedes: Callable[[bytes, bytes], bool]
    """supersedes(older, newer): cheap, true only if merge(key, older, newer) equals `newer` bit for bit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PairLogic:
    """The rules of both tables and of the rows of one key with each other."""

    users: RowLogic
    loyalty: RowLogic
    judge: Callable[[TableName, bytes, bytes], NoRow | LaterVersion | None]
    """judge(table, key, value): None if the value is a row of this key. Only such values are given to the
    other functions, which then never raise."""
    reconcile: Callable[[Row, Row], tuple[Row, Row]]
    """reconcile(users, loyalty): prunes the loyalty row by the deletion that the users row knows."""
    is_marker: Callable[[bytes], bool]
    """Whether a users row is nothing but the marker of a deletion: the only row a tombstone may end."""
    head: Callable[[bytes], bytes] = lambda _key: b""
    """head(key): what the rows of this key begin with, as a rule; memory keeps rows without it."""
    deletion_mark: bytes = b'"deleted_at"'
    """Bytes that every users row which knows a deletion contains: the cheap test before `reconcile`."""

    def of(self, table: TableName) -> RowLogic:
        return self.users if table == "users" else self.loyalty

    def knows_deletion(self, users: Row) -> bool:
        return users is not None and self.deletion_mark in users
