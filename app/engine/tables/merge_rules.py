"""What the engine must know of the rows that it keeps. To the engine itself a row is bytes.

The two tables belong together: a deletion that the users row knows also removes data from the loyalty row of
the same key (docs/tables.md#deletion). `app/state` supplies the functions. They are pure and take encoded
rows.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

TableName = Literal["users", "loyalty"]
TABLE_NAMES: Final[tuple[TableName, TableName]] = ("users", "loyalty")

CHANGED: Final = "changed"
"""The header of each record on a changelog that says what differs from the row before."""

Row = bytes | None
"""An encoded row, or None if there is no row: the changelog then has a tombstone or no record of the key."""


@dataclass(frozen=True, slots=True)
class NoRow:
    """The verdict that a value counts as not written: it is no row, or the row of another key."""

    reason: Literal["not_json", "schema"]
    detail: str
    """The JSON path and what was expected there, never a value."""


@dataclass(frozen=True, slots=True)
class LaterVersion:
    """The verdict that a later version of the program wrote the value. It must not be overwritten."""


class Pair(NamedTuple):
    """Both rows of one key."""

    users: Row
    loyalty: Row


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRules:
    """How two versions of a row of one table become one row (docs/tables.md#merge)."""

    merge: Callable[[bytes, bytes, bytes], bytes]
    """merge(key, older, newer) returns a row with everything that either of the two has. It is commutative,
    associative and idempotent."""
    # perf: saves the merge of most records of a restore; plain form: a function that returns False.
    supersedes: Callable[[bytes, bytes], bool]
    """supersedes(older, newer) returns True only if merge(key, older, newer) equals `newer` byte for byte."""
    changed: Callable[[Row, Row], bytes]
    """changed(before, after) returns the value of the header `changed`: the names of what differs between two
    rows of one key (docs/tables.md#changed)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TableRules:
    """The rules of both tables and of the rows of one key with each other."""

    users: RowRules
    loyalty: RowRules
    judge: Callable[[TableName, bytes, bytes], NoRow | LaterVersion | None]
    """judge(table, key, value) returns None if the value is a row of this key. The other functions get only
    such values, and then they never raise."""
    reconcile: Callable[[Row, Row], tuple[Row, Row]]
    """reconcile(users, loyalty) returns both rows. It removes from the loyalty row what the deletion covers
    that the users row knows."""
    is_marker: Callable[[bytes], bool]
    """is_marker(users) returns whether a users row is nothing but the marker of a deletion, which is the only
    row that a tombstone may end."""
    head: Callable[[bytes], bytes] = lambda _key: b""
    """head(key) returns the bytes with which most rows of this key begin. Rows in memory are kept without
    them."""
    tail: bytes = b""
    """What every row ends with."""
    deletion_mark: bytes = b'"deleted_at"'
    """Every users row that knows a deletion contains these bytes. They are looked for before `reconcile` is
    called."""

    def of(self, table: TableName) -> RowRules:
        """Returns the rules of one table."""
        return self.users if table == "users" else self.loyalty

    def knows_deletion(self, users: Row) -> bool:
        """Returns whether a users row may know a deletion."""
        return users is not None and self.deletion_mark in users
