"""A cheap test for recovery: whether a later row of a changelog plainly replaces an earlier one.

When a key comes again, recovery merges. Mostly the later row was made from the earlier one by a newer
full snapshot, and the merge is the later row itself. These tests see that without reading the claims
and attributes. True is a proof that the merge of the two is `newer`; after False the caller merges.
"""

from collections.abc import Callable
from itertools import takewhile
from typing import Final, Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.state.rules.decoding import decode_loyalty, decode_user
from app.state.rules.instants import micros_of
from app.state.rules.registers import CLEARED_BY_SNAPSHOT, NEVER, SETTING, Registers, equal
from app.state.rules.rows import (
    ENTRIES_KEPT,
    Balance,
    DeletedUser,
    LoyaltyRow,
    PresenceAt,
    User,
    UserRow,
)

T = TypeVar("T")
_Time = str | UnsetType


class _UserView(Struct, gc=False):
    """A users row without its claims and attributes. A marker has no `complete`."""

    complete: bool | UnsetType = UNSET
    status: str | UnsetType = UNSET
    settings: dict[str, object] | UnsetType = UNSET
    presence: PresenceAt | UnsetType = UNSET
    created_at: _Time = UNSET
    updated_at: _Time = UNSET
    last_login_at: _Time = UNSET
    last_logout_at: _Time = UNSET
    as_of: int | UnsetType = UNSET
    stamps: dict[str, int] | UnsetType = UNSET
    deleted_at: _Time = UNSET


_View = UserRow | _UserView
_views: Final = msgspec.json.Decoder(_UserView)


class _Latest(Generic[T]):
    """The two rows that were decoded last. Recovery goes through the versions of a key one after the other,
    so the newer row of one question is the older row of the next."""

    def __init__(self, decode: Callable[[bytes], T]) -> None:
        self._decode = decode
        self._newest: tuple[bytes, T] | None = None
        self._before: tuple[bytes, T] | None = None

    def of(self, value: bytes) -> T:
        """The decoded row. `value` is known to be a row."""
        for known in (self._newest, self._before):
            if known is not None and known[0] is value:
                return known[1]
        decoded = self._decode(value)
        self.remember(value, decoded)
        return decoded

    def remember(self, value: bytes, decoded: T) -> None:
        """Forgets the older of the two rows, and has this one in its place."""
        self._newest, self._before = (value, decoded), self._newest


# perf: saves 20 % of judging the versions of a key; plain form: decode both rows again.
_users: Final[_Latest[_View]] = _Latest(_views.decode)
_loyalty: Final[_Latest[LoyaltyRow]] = _Latest(decode_loyalty)


def read_user(value: bytes) -> User:
    """`decode_user`, for a caller that may ask `user_supersedes` about this value next. Raises InvalidRow."""
    row = decode_user(value)
    _users.remember(value, _UserView(deleted_at=row.deleted_at) if isinstance(row, DeletedUser) else row)
    return row


def read_loyalty(value: bytes) -> LoyaltyRow:
    """`decode_loyalty`, for a caller that may ask `loyalty_supersedes` about this value next. Raises
    InvalidRow."""
    row = decode_loyalty(value)
    _loyalty.remember(value, row)
    return row


# perf: saves 80 % of judging and merging a users row; plain form: False, so that the caller merges.
def user_supersedes(older: bytes, newer: bytes) -> bool:
    """Whether `merge_users` of these two states of one users row is plainly `newer`, byte for byte. Both
    have passed `decode_user`."""
    if newer == older:
        return True
    old, new = _users.of(older), _users.of(newer)
    if not _not_before(new.deleted_at, old.deleted_at):
        return False
    if new.complete is UNSET and new.deleted_at is not UNSET:
        return old.as_of is UNSET or old.as_of <= micros_of(new.deleted_at)
    if old.complete is UNSET:
        return True
    return _newer_snapshot(new, old) and _rest_superseded(new, old)


def _newer_snapshot(new: _View, old: _View) -> bool:
    """Whether the last full snapshot is newer than every stamp of the older row."""
    if new.as_of is UNSET or (old.as_of is not UNSET and old.as_of >= new.as_of):
        return False
    return not old.stamps or max(old.stamps.values()) < new.as_of


def _rest_superseded(new: _View, old: _View) -> bool:
    """Whether the same is true of what a snapshot does not clear: settings, status, what has its own time."""
    held = _lasting(new)
    for name, register in _lasting(old).items():
        if name not in held or not (held[name][0] > register[0] or equal(held[name], register)):
            return False
    return (
        _presence_superseded(new.presence, old.presence)
        and _not_before(new.created_at, old.created_at)
        and _not_before(new.updated_at, old.updated_at)
        and _not_before(new.last_login_at, old.last_login_at)
        and _not_before(new.last_logout_at, old.last_logout_at)
    )


def _presence_superseded(new: PresenceAt | UnsetType, old: PresenceAt | UnsetType) -> bool:
    """Whether the newer presence is the one that a merge keeps."""
    return old is UNSET or old == new or (new is not UNSET and new.at > old.at)


def _not_before(new: _Time, old: _Time) -> bool:
    """Whether the newer time is the one that a merge keeps."""
    return old is UNSET or (new is not UNSET and new >= old)


def _lasting(view: _View) -> Registers:
    """The registers that a snapshot does not clear and that have a stamp: the settings and the status."""
    stamps = view.stamps or {}
    as_of = NEVER if view.as_of is UNSET else view.as_of
    registers: Registers = {
        name: (stamp, None) for name, stamp in stamps.items() if not name.startswith(CLEARED_BY_SNAPSHOT)
    }
    for setting, value in (view.settings or {}).items():
        registers[SETTING + setting] = (stamps.get(SETTING + setting, as_of), value)
    if view.status is not UNSET:
        registers["status"] = (stamps.get("status", as_of), view.status)
    return registers


# perf: saves 25 % of judging and merging a short loyalty row; plain form: False, so that the caller merges.
def loyalty_supersedes(older: bytes, newer: bytes) -> bool:
    """Whether `merge_loyalty` of these two states of one loyalty row is plainly `newer`: the older row
    with newer entries before its own. Both have passed `decode_loyalty`."""
    if newer == older:
        return True
    old, new = _loyalty.of(older), _loyalty.of(newer)
    if not _balance_superseded(new.reputation, old.reputation):
        return False
    if not _balance_superseded(new.points, old.points):
        return False
    head = [(entry.at, entry.id) for entry in old.entries[:1]]
    added = sum(1 for _ in takewhile(lambda entry: [(entry.at, entry.id)] > head, new.entries))
    return new.entries[added:] == old.entries[: ENTRIES_KEPT - added]


def _balance_superseded(new: Balance | UnsetType, old: Balance | UnsetType) -> bool:
    """Whether the newer balance is the one that a merge keeps."""
    return old is UNSET or old == new or (new is not UNSET and new.as_of > old.as_of)
