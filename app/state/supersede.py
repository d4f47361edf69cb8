"""A cheap test for recovery: whether a later row of a changelog plainly makes an earlier one needless.

When a key comes again, recovery merges. Mostly the later row was made from the earlier one by a newer
full snapshot, and the merge is the later row itself: these tests see that without reading the claims
and attributes. True is a proof that the merge of the two is `newer`; False says nothing.
"""

from collections.abc import Callable
from itertools import takewhile
from typing import Generic, TypeVar

import msgspec
from msgspec import UNSET, Struct, UnsetType

from app.state.reading import decode_loyalty, decode_user
from app.state.registers import CLEARED_BY_SNAPSHOT, NEVER, SETTING, Registers, equal
from app.state.rows import ENTRIES_KEPT, Balance, LoyaltyRow, Marker, PresenceAt, User, UserRow, micros_of

T = TypeVar("T")
_Time = str | UnsetType


class _UserView(Struct, gc=False):
    """A users row without its claims and attributes; without `complete` it is a marker."""

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


_decoder = msgspec.json.Decoder(_UserView)


class _Latest(Generic[T]):
    """The two rows that were decoded last: in a log of versions the newer one is the next one's older one."""

    def __init__(self, decode: Callable[[bytes], T]) -> None:
        self._decode = decode
        self._newest: tuple[bytes, T] | None = None
        self._before: tuple[bytes, T] | None = None

    def of(self, value: bytes) -> T:
        """The decoded row; `value` has been read before."""
        for known in (self._newest, self._before):
            if known is not None and known[0] is value:
                return known[1]
        decoded = self._decode(value)
        self.remember(value, decoded)
        return decoded

    def remember(self, value: bytes, decoded: T) -> None:
        self._newest, self._before = (value, decoded), self._newest


_View = UserRow | _UserView
_users: _Latest[_View] = _Latest(_decoder.decode)
_loyalty: _Latest[LoyaltyRow] = _Latest(decode_loyalty)


def read_user(value: bytes) -> User:
    """`decode_user`, for a caller that may ask `user_supersedes` about this value next. Raises InvalidRow."""
    row = decode_user(value)
    _users.remember(value, _UserView(deleted_at=row.deleted_at) if isinstance(row, Marker) else row)
    return row


def read_loyalty(value: bytes) -> LoyaltyRow:
    """`decode_loyalty`, for a caller that may ask `loyalty_supersedes` about this value next. Raises
    InvalidRow."""
    row = decode_loyalty(value)
    _loyalty.remember(value, row)
    return row


def user_supersedes(older: bytes, newer: bytes) -> bool:
    """Whether `merge_users` of these two states of one users row is plainly `newer`, byte for byte. Both
    have been read by `decode_user` or `read_user`."""
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
    """The same of what a snapshot does not clear: settings, status, and what has its own time."""
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
    return old is UNSET or old == new or (new is not UNSET and new.at > old.at)


def _not_before(new: _Time, old: _Time) -> bool:
    return old is UNSET or (new is not UNSET and new >= old)


def _lasting(view: _View) -> Registers:
    """The registers of what a snapshot does not clear: of the settings and the status, in rows of ours."""
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


def loyalty_supersedes(older: bytes, newer: bytes) -> bool:
    """Whether `merge_loyalty` of these two states of one loyalty row is plainly `newer`: the older row
    with newer entries put before its own. Both have been read by `decode_loyalty` or `read_loyalty`."""
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
    return old is UNSET or old == new or (new is not UNSET and new.as_of > old.as_of)
