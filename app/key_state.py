"""Both rows of one key, from the bytes in the tables to the bytes that are put back."""

from typing import Final

from msgspec import Struct

from app.canonical import Event
from app.canonical_records import memory_of
from app.engine import CHANGED, PartitionRows, Row
from app.state import (
    Effect,
    LoyaltyRow,
    User,
    apply,
    changed_loyalty,
    changed_user,
    concerns_loyalty,
    encode_loyalty,
    encode_user,
    stored_loyalty,
    stored_user,
)
from app.topics import OutputTopic

# The bound of a row (docs/tables.md#row-size), also if the changelogs accept larger records.
LARGEST_ROW: Final = 1 << 20


class KeyState(Struct, gc=False):
    """Both rows of a key while the events of a part are applied to them. Nobody else sees them before they
    are put back."""

    key: bytes
    tables: "KeyTables"
    user_row: Row
    """The users row as it was read; `loyalty_row` is such a row as well."""
    user: User | None
    user_before: User | None
    """The row before the part; `loyalty_before` is such a row as well."""
    has_loyalty: bool = False
    """Whether the loyalty row was read. It is read when an event concerns it: decoding a long one costs more
    than an event."""
    loyalty_row: Row = None
    loyalty: LoyaltyRow | None = None
    loyalty_before: LoyaltyRow | None = None
    applied: list[tuple[int, Event]] = []
    """The events that were applied, each with the index of its record."""

    def apply(self, index: int, event: Event) -> Effect:
        """Returns the effect of an event on the rows. `index`: that of its record."""
        if not self.has_loyalty and concerns_loyalty(event):
            self.read_loyalty()
        self.user, self.loyalty, effect = apply(event, self.user, self.loyalty)
        self.applied.append((index, event))
        return effect

    def read_loyalty(self) -> None:
        """Reads the loyalty row."""
        self.has_loyalty = True
        row = self.loyalty_row = self.tables.loyalty.get(self.key)
        if row is not None:
            self.loyalty = self.loyalty_before = stored_loyalty(row)

    def is_stored(self) -> bool:
        """Returns whether the tables hold the rows that were read."""
        if self.tables.users.get(self.key) != self.user_row:
            return False
        return not self.has_loyalty or self.tables.loyalty.get(self.key) == self.loyalty_row

    def put(self, *, again: bool = False) -> bool:
        """Puts those of the two rows that have changed, and returns True. If one of them is too large, it
        puts none and returns False.

        A row needs no changelog record if it is equal to the one that the table holds: the one that was read,
        or one that was put since (`again`).
        """
        key, tables, user_row, loyalty_row = self.key, self.tables, self.user_row, self.loyalty_row
        if again:
            user_row, loyalty_row = tables.users.get(key), tables.loyalty.get(key)
        held_user, held_loyalty = user_row, loyalty_row
        user_names = loyalty_names = b""
        if self.user is not self.user_before:
            user_row = None if self.user is None else encode_user(self.user)
            user_names = changed_user(self.user_before, self.user, self.user_row, user_row)
            if tables.is_too_large(key, user_row, held_user, user_names):
                return False
        if self.loyalty is not self.loyalty_before:
            loyalty_row = None if self.loyalty is None else encode_loyalty(self.loyalty)
            loyalty_names = changed_loyalty(self.loyalty_before, self.loyalty)
            if tables.is_too_large(key, loyalty_row, held_loyalty, loyalty_names):
                return False
        if user_row != held_user:
            tables.users.put(key, user_row, user_names)
        if loyalty_row != held_loyalty:
            tables.loyalty.put(key, loyalty_row, loyalty_names)
        return True


class KeyTables:
    """Both tables of one partition, and how large their rows may be."""

    def __init__(self, users: PartitionRows, loyalty: PartitionRows, topic: OutputTopic) -> None:
        """`topic`: the changelog that accepts the smaller records."""
        self.users = users
        self.loyalty = loyalty
        self.largest = min(LARGEST_ROW, topic.largest_record)
        """How many bytes a row may have."""
        self._max_payload = topic.max_payload([(CHANGED, b"")])

    def read(self, key: bytes) -> KeyState:
        """Returns the rows of a key as they are now."""
        row = self.users.get(key)
        user = None if row is None else stored_user(row)
        return KeyState(key, self, row, user, user)

    def memory_of(self, key: bytes) -> int:
        """Returns about how much memory the rows of a key take when they are decoded."""
        return memory_of(self.users.get(key) or b"") + memory_of(self.loyalty.get(key) or b"")

    def is_too_large(self, key: bytes, row: Row, before: Row, names: bytes) -> bool:
        """Returns whether the row must not be put. A row that an earlier version wrote without this bound may
        stay as large as it is, or become smaller."""
        if row is None:
            return False
        if len(key) + len(row) + len(names) > self._max_payload:
            return True
        return len(row) > self.largest and len(row) > len(before or b"")
