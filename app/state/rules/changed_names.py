"""The header `changed` of a changelog record: the names of the registers whose values differ between two rows
of one key (docs/tables.md#changed)."""

from typing import Any, Final
from urllib.parse import quote

from msgspec import UNSET, UnsetType

from app.state.rules.encoding import same_json
from app.state.rules.registers import ADDRESS, MEMBER, SETTING
from app.state.rules.rows import Balance, DeletedUser, LoyaltyRow, PresenceAt, User

EVERYTHING: Final = b"*"
"""Says that any register may have changed: there was no row before, or its names are too many."""
# Names that need more bytes are those of a row that somebody made to be huge. A record has to keep room for
# its row.
MOST_BYTES: Final = 64 << 10

_NOTHING: Final[dict[str, Any]] = {}
# Everything in ASCII that `quote` would encode and a name may keep: all but the comma and the percent sign.
_KEPT: Final = "".join(map(chr, range(128))).translate({ord(","): None, ord("%"): None})


def changed_user(
    before: User | None, after: User | None, *, same_profile: bool = False, same_attributes: bool = False
) -> bytes:
    """The value of the header on the users changelog. None is a tombstone, or that there is no row.

    A tombstone has no names, the marker of a deletion has `status`, whatever was before. Times and stamps
    have no names. `same_profile`, `same_attributes`: the caller knows that these groups do not differ.
    """
    if after is None:
        return b""
    if isinstance(after, DeletedUser):
        return b"status"
    if before is None or isinstance(before, DeletedUser):
        return EVERYTHING
    names: list[str] = []
    if before.status != after.status:
        names.append("status")
    if before.presence is not after.presence and _presence(before.presence) != _presence(after.presence):
        names.append("presence")
    if not same_profile:
        _add_names(names, "profile.", before.profile, after.profile)
        if ADDRESS in names:  # each member of it is a register
            names.remove(ADDRESS)
            _add_names(names, MEMBER, *(row.profile.get("address") or _NOTHING for row in (before, after)))
    if not same_attributes:
        _add_names(names, "attributes.", before.attributes, after.attributes)
    if before.settings or after.settings:
        _add_names(names, SETTING, before.settings, after.settings)
    return _header(names) if names else b""


def changed_loyalty(before: LoyaltyRow | None, after: LoyaltyRow | None) -> bytes:
    """The value of the header on the loyalty changelog. None is a tombstone, or that there is no row. A
    balance has a name only if its value differs."""
    if after is None:
        return b""
    if before is None:
        return EVERYTHING
    names = []
    if before.entries != after.entries:
        names.append("entries")
    if _value(before.points) != _value(after.points):
        names.append("points")
    if _value(before.reputation) != _value(after.reputation):
        names.append("reputation")
    return ",".join(names).encode()


def _presence(presence: PresenceAt | UnsetType) -> str | UnsetType:
    return UNSET if presence is UNSET else presence.status


def _value(balance: Balance | UnsetType) -> int | UnsetType:
    return UNSET if balance is UNSET else balance.value


def _add_names(names: list[str], prefix: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    """Adds the names of the members that differ in two groups. None as a value is as absent."""
    get = before.get
    for name, value in after.items():
        held = get(name)
        if held is value:
            continue
        # What is equal to a text is a text.
        if held != value or (type(value) is not str and not same_json(held, value)):
            names.append(prefix + name)
    if not before.keys() <= after.keys():
        names += [prefix + name for name in before.keys() - after.keys() if before[name] is not None]


def _header(names: list[str]) -> bytes:
    """The names as the header has them: encoded, sorted, separated by commas."""
    names.sort()
    text = ",".join(names)
    if not text.isascii() or "%" in text or text.count(",") >= len(names):
        text = ",".join(sorted({quote(name, safe=_KEPT) for name in names}))
    return text.encode() if len(text) <= MOST_BYTES else EVERYTHING
