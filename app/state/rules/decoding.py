"""Bytes of a changelog become rows: the one place that says what a row is (docs/tables.md#no-row).

Whatever passes here can be merged, pruned and written again, and can take an event, without an error. So it
is strict about what later steps rely on: members, types, times in canonical form, stamps that are instants.
"""

from itertools import pairwise
from typing import Final, Literal, NoReturn, get_args

import msgspec
from msgspec import UNSET

from app.canonical import Status, _without_values
from app.nesting import MAX_NESTING, too_deep
from app.state.rules.registers import TIMES
from app.state.rules.rows import ENTRIES_KEPT, DeletedUser, Entry, Kind, LoyaltyRow, User, UserRow
from app.times import is_canonical

Owner = tuple[str, str, str]
"""Vendor, tenant and sub, which make the key of a row."""

# A value is at most this much deeper in a row than in the body of the vendor.
_MAX_NESTING: Final = MAX_NESTING + 10
# perf: saves 2 % of reading rows; plain form: `too_deep` for every row. For so few bytes it returns False.
_SHALLOW_BYTES: Final = 2 * _MAX_NESTING

_users = msgspec.json.Decoder(UserRow)
_deleted_users = msgspec.json.Decoder(DeletedUser)
_loyalty = msgspec.json.Decoder(LoyaltyRow)
_anything = msgspec.json.Decoder()

_KNOWN_MEMBERS: Final = {
    *UserRow.__struct_fields__,
    *DeletedUser.__struct_fields__,
    *LoyaltyRow.__struct_fields__,
}
_KNOWN_STATUSES: Final = get_args(Status)
_KNOWN_KINDS: Final = get_args(Kind)
# These carry their own time. A row of ours has no stamp of such a name.
_WITHOUT_STAMP: Final = frozenset({"presence", *TIMES})


class InvalidRow(ValueError):
    """These bytes are no row. The text names the path and what was expected there, and no value."""

    def __init__(self, detail: str, reason: Literal["not_json", "schema"] = "schema") -> None:
        super().__init__(detail)
        self.reason = reason


class LaterRow(InvalidRow):
    """These bytes are a row of `owner` that a later version wrote: it has a top-level member, or a value of a
    closed set, that this version does not know."""

    def __init__(self, owner: Owner) -> None:
        super().__init__("expected a row without members and values of a later version")
        self.owner = owner


def decode_user(value: bytes) -> User:
    """The row in a value of the users changelog; a tombstone has no value. Raises InvalidRow, or LaterRow."""
    if len(value) > _SHALLOW_BYTES and too_deep(value, _MAX_NESTING):
        raise InvalidRow("expected JSON", "not_json")
    try:
        row = _users.decode(value)
    except (ValueError, RecursionError) as error:
        return _decode_deleted_user(value, error)
    for time in (row.created_at, row.updated_at, row.last_login_at, row.last_logout_at, row.deleted_at):
        if time is not UNSET and not is_canonical(time):
            raise InvalidRow("$: expected all times in UTC with six digits")
    if row.presence is not UNSET and not is_canonical(row.presence.at):
        raise InvalidRow("$.presence.at: expected a time in UTC with six digits")
    if "address" in row.profile and not isinstance(row.profile["address"], dict):
        raise InvalidRow("$.profile.address: expected an object")
    if not _WITHOUT_STAMP.isdisjoint(row.stamps):
        raise InvalidRow("$.stamps: expected names of fields that have a stamp")
    return row


def _decode_deleted_user(value: bytes, problem: Exception) -> DeletedUser:
    """The marker in a value that is no UserRow for the reason `problem`: a marker has no `complete`."""
    try:
        marker = _deleted_users.decode(value)
    except (ValueError, RecursionError):
        _refuse(value, problem)
    if not is_canonical(marker.deleted_at):
        raise InvalidRow("$.deleted_at: expected a time in UTC with six digits")
    return marker


def decode_loyalty(value: bytes) -> LoyaltyRow:
    """The row in a value of the loyalty changelog; a tombstone has no value. Raises InvalidRow, or
    LaterRow."""
    if len(value) > _SHALLOW_BYTES and too_deep(value, _MAX_NESTING):
        raise InvalidRow("expected JSON", "not_json")
    try:
        row = _loyalty.decode(value)
    except (ValueError, RecursionError) as error:
        _refuse(value, error)
    for entry in row.entries:
        if not is_canonical(entry.at):
            raise InvalidRow("$.entries[...].at: expected a time in UTC with six digits")
    # perf: saves 10 % of judging a loyalty row with one entry; plain form: without the question.
    if len(row.entries) > 1:
        _check_order(row.entries)
    return row


def _refuse(value: bytes, problem: Exception) -> NoReturn:
    """Raises what fits a value that does not have the shape of a row."""
    try:
        members = _anything.decode(value)
    except (ValueError, RecursionError):
        raise InvalidRow("expected JSON", "not_json") from None
    if not isinstance(members, dict):
        raise InvalidRow("$: expected an object") from None
    vendor, tenant, sub = (members.get(name) for name in ("vendor", "tenant", "sub"))
    if not (isinstance(vendor, str) and isinstance(tenant, str) and isinstance(sub, str)):
        raise InvalidRow("$: expected vendor, tenant and sub") from None
    if not members.keys() <= _KNOWN_MEMBERS or _has_unknown_value(members):
        raise LaterRow((vendor, tenant, sub)) from None
    raise InvalidRow(_without_values(str(problem))) from None


def _has_unknown_value(members: dict[str, object]) -> bool:
    status, entries = members.get("status"), members.get("entries")
    kinds = [
        entry["kind"]
        for entry in (entries if isinstance(entries, list) else ())
        if isinstance(entry, dict) and isinstance(entry.get("kind"), str)
    ]
    unknown_status = isinstance(status, str) and status not in _KNOWN_STATUSES
    return unknown_status or any(kind not in _KNOWN_KINDS for kind in kinds)


def _check_order(entries: list[Entry]) -> None:
    """Raises InvalidRow if an id comes twice or the newest entry by (at, id) is not the first: what merges an
    event into a row relies on it."""
    if len(entries) > ENTRIES_KEPT:
        raise InvalidRow(f"$.entries: expected at most {ENTRIES_KEPT}")
    if len({entry.id for entry in entries}) < len(entries):
        raise InvalidRow("$.entries[...].id: expected each id once")
    if any((a.at, a.id) < (b.at, b.id) for a, b in pairwise(entries)):
        raise InvalidRow("$.entries: expected the newest first")
