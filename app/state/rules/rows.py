"""The two rows of a user as the changelogs hold them (docs/tables.md#users-row), and their bytes.

Rows are values: once a row has been returned, nothing in this package changes it or a dict in it.
A tombstone is None.
"""

from typing import Annotated, Any, Final, Literal, NamedTuple

from msgspec import UNSET, Meta, Struct, UnsetType

from app.canonical import Status
from app.state.rules.encoding import encode_row
from app.state.rules.instants import EARLIEST, LATEST

ENTRIES_KEPT: Final = 20

Micros = Annotated[int, Meta(ge=EARLIEST, le=LATEST)]
"""Microseconds since 1970 of an instant in the years 1 to 9999."""


class PresenceAt(Struct, gc=False):
    status: str
    at: str


class UserRow(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The row of a user who is not deleted. `as_of` and `stamps` are microseconds since 1970, other times
    are text.

    `as_of` is the stamp of the last full snapshot and of every register that has none in `stamps`. A name in
    `stamps` that has no value in the row is a register that was cleared at that time (docs/tables.md#stamps).
    """

    vendor: str
    tenant: str
    sub: str
    status: Status | UnsetType = UNSET
    complete: bool
    profile: dict[str, Any]
    attributes: dict[str, Any]
    settings: dict[str, Any]
    presence: PresenceAt | UnsetType = UNSET
    created_at: str | UnsetType = UNSET
    updated_at: str | UnsetType = UNSET
    last_login_at: str | UnsetType = UNSET
    last_logout_at: str | UnsetType = UNSET
    as_of: Micros | UnsetType = UNSET
    stamps: dict[str, Micros]
    deleted_at: str | UnsetType = UNSET


class DeletedUser(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """The row of a deleted user, called a marker: all that is kept until the grace period is over."""

    vendor: str
    tenant: str
    sub: str
    status: Literal["deleted"] = "deleted"
    deleted_at: str


User = UserRow | DeletedUser


class Balance(Struct, gc=False):
    """A balance that the vendor stated, and the event's time in microseconds since 1970."""

    value: int
    as_of: Micros


Kind = Literal["reputation", "points"]
"""Which balance an entry has changed."""


class Entry(Struct, gc=False, kw_only=True):
    """One change of a balance. `id` is the event's id, `at` the event's time."""

    id: str
    kind: Kind
    delta: int
    balance: int | UnsetType = UNSET
    reason: str | UnsetType = UNSET
    at: str


class LoyaltyRow(Struct, gc=False, kw_only=True, forbid_unknown_fields=True):
    """Stated balances, and the newest ENTRIES_KEPT entries, newest first by (at, id)."""

    vendor: str
    tenant: str
    sub: str
    reputation: Balance | UnsetType = UNSET
    points: Balance | UnsetType = UNSET
    entries: list[Entry]


class Rows(NamedTuple):
    """Both rows of one key."""

    user: User | None
    loyalty: LoyaltyRow | None


NO_ROWS: Final = Rows(None, None)


def encode_user(row: User) -> bytes:
    """The row's value on the users changelog. Equal states have equal bytes."""
    return encode_row(row)


def encode_loyalty(row: LoyaltyRow) -> bytes:
    """The row's value on the loyalty changelog. Equal states have equal bytes."""
    return encode_row(row)
