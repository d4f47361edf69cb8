"""Bytes of a changelog become rows: the one place that says what a row is (contract, section 4).

Whatever passes here can be merged, applied to, pruned and written again without an error. So it is strict
where a later step relies on something: members, types, times in canonical form, stamps that are instants.
"""

from itertools import pairwise
from typing import Final, Literal, NoReturn, get_args

import msgspec
from msgspec import UNSET

from app.canonical import Status, _without_values
from app.nesting import MAX_NESTING, too_deep
from app.state.registers import CLOCKS
from app.state.rows import ENTRIES_KEPT, Entry, LoyaltyRow, Marker, User, UserRow
from app.times import is_canonical

Owner = tuple[str, str, str]
"""Vendor, tenant and sub: what makes the key of a row."""

# A value stands at most this much deeper in a row than in the body that it came with.
_MAX_NESTING: Final = MAX_NESTING + 10
# perf: too short to nest so deep, which nearly all rows are; spares a call.
_SHALLOW_BYTES: Final = 2 * _MAX_NESTING

_users = msgspec.json.Decoder(UserRow)
_markers = msgspec.json.Decoder(Marker)
_loyalty = msgspec.json.Decoder(LoyaltyRow)
_anything = msgspec.json.Decoder()

_KNOWN_MEMBERS: Final = {
    *UserRow.__struct_fields__,
    *Marker.__struct_fields__,
    *LoyaltyRow.__struct_fields__,
}
_KNOWN_STATUSES: Final = get_args(Status)
_KNOWN_KINDS: Final = get_args(Entry.__annotations__["kind"])
# These carry their time with them: a stamp of such a name is none of ours.
_WITHOUT_STAMP: Final = frozenset({"presence", *CLOCKS})


class InvalidRow(ValueError):
    """These bytes are no row of ours. The text names the place and the expectation only."""

    def __init__(self, detail: str, reason: Literal["not_json", "schema"] = "schema") -> None:
        super().__init__(detail)
        self.reason = reason


class LaterRow(InvalidRow):
    """A row of `owner` that a later version wrote: it has a top-level member, or a value of a closed set,
    that this version does not know."""

    def __init__(self, owner: Owner) -> None:
        super().__init__("expected a row without members and values of a later version")
        self.owner = owner


def decode_user(value: bytes) -> User:
    """Reads a value of the users changelog (a tombstone has none). Raises InvalidRow, or LaterRow."""
    if len(value) > _SHALLOW_BYTES and too_deep(value, _MAX_NESTING):
        raise InvalidRow("expected JSON", "not_json")
    try:
        row = _users.decode(value)
    except (ValueError, RecursionError) as error:
        return _decode_marker(value, error)
    for time in (row.created_at, row.updated_at, row.last_login_at, row.last_logout_at, row.deleted_at):
        if time is not UNSET and not is_canonical(time):
            raise InvalidRow("$: expected all times in UTC with six digits")
    if row.presence is not UNSET and not is_canonical(row.presence.at):
        raise InvalidRow("$.presence.at: expected a time in UTC with six digits")
    if "address" in row.profile and not isinstance(row.profile["address"], dict):
        raise InvalidRow("$.profile.address: expected an object")
    if row.stamps and not _WITHOUT_STAMP.isdisjoint(row.stamps):
        raise InvalidRow("$.stamps: expected names of fields that have a stamp")
    return row


def _decode_marker(value: bytes, problem: Exception) -> Marker:
    """A marker has no `complete`, so it is no row of a user who is there: `problem`."""
    try:
        marker = _markers.decode(value)
    except (ValueError, RecursionError):
        _refuse(value, problem)
    if not is_canonical(marker.deleted_at):
        raise InvalidRow("$.deleted_at: expected a time in UTC with six digits")
    return marker


def decode_loyalty(value: bytes) -> LoyaltyRow:
    """Reads a value of the loyalty changelog (a tombstone has none). Raises InvalidRow, or LaterRow."""
    if len(value) > _SHALLOW_BYTES and too_deep(value, _MAX_NESTING):
        raise InvalidRow("expected JSON", "not_json")
    try:
        row = _loyalty.decode(value)
    except (ValueError, RecursionError) as error:
        _refuse(value, error)
    entries = row.entries
    for entry in entries:
        if not is_canonical(entry.at):
            raise InvalidRow("$.entries[...].at: expected a time in UTC with six digits")
    if len(entries) > 1:
        _check_order(entries)
    return row


def _refuse(value: bytes, problem: Exception) -> NoReturn:
    """Raises what a value is that has not the shape of a row."""
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
    """Merging and the short ways rely on the order: newest first by (at, id), an id once."""
    if len(entries) > ENTRIES_KEPT:
        raise InvalidRow(f"$.entries: expected at most {ENTRIES_KEPT}")
    if len({entry.id for entry in entries}) < len(entries):
        raise InvalidRow("$.entries[...].id: expected each id once")
    if any((a.at, a.id) < (b.at, b.id) for a, b in pairwise(entries)):
        raise InvalidRow("$.entries: expected the newest first")
