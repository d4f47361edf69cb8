"""The users row after an event that is newer than everything it touches. Nearly every event is.

The result is the one that `merge_users(row, row_of(event, at))` gives. If that is not certain at once, the
answer is None and the caller merges.
"""

from typing import Any, Final

from msgspec import UNSET
from msgspec.structs import replace

from app.canonical import Event
from app.state.rules.instants import Instant
from app.state.rules.registers import ADDRESS, MEMBER, NEVER, SETTING, fields_of, times_of
from app.state.rules.rows import PresenceAt, UserRow
from app.state.rules.users import blank_row, put, row_of

# Claims that are one register each, so that nobody has to look at their name (OpenID Connect Core 1.0,
# section 5.1).
PLAIN_CLAIMS: Final = frozenset(
    {
        "name",
        "given_name",
        "family_name",
        "middle_name",
        "nickname",
        "preferred_username",
        "profile",
        "picture",
        "website",
        "email",
        "email_verified",
        "gender",
        "birthdate",
        "zoneinfo",
        "locale",
        "phone_number",
        "phone_number_verified",
    }
)
_STAMP_OF_CLAIM: Final = {claim: f"profile.{claim}" for claim in PLAIN_CLAIMS}
_NOTHING: Final[dict[str, Any]] = {}


# perf: saves 64 % of applying the first events of users; plain form: `row_of`.
def first_row(event: Event, at: Instant) -> UserRow:
    """`row_of`: the row of a user of whom nothing is known but this event, which is no deletion."""
    blank = blank_row(event)
    return overtake(blank, event, at) or row_of(event, at)


# perf: saves 73 % of fold (make bench ARGS=fold); plain form: None, so that the caller merges.
def overtake(row: UserRow, event: Event, at: Instant) -> UserRow | None:
    """The new row if the event wins every field that it sets, the same row if it sets none, None if a merge
    is needed. The event is no deletion, and newer than `row.deleted_at`."""
    if event.data.snapshot == "full":
        after = _newest_snapshot(row, event, at.micros)
    else:
        after = _newest_fields(row, event, at.micros)
    if after is None:
        return None
    return _newest_times(after, row, event, at)


def _newest_snapshot(row: UserRow, event: Event, micros: int) -> UserRow | None:
    """The row after a full snapshot that is newer than every stamp: its claims and attributes replace those
    of the row. Else None."""
    stamps = row.stamps
    if row.as_of is not UNSET and row.as_of >= micros:
        return None
    if stamps and max(stamps.values()) >= micros:
        return None
    data = event.data
    profile = data.user.copy()
    del profile["sub"]
    address = profile.pop("address", _NOTHING)
    attributes = data.attributes or _NOTHING
    settings = data.settings or _NOTHING
    if not (profile.keys() <= PLAIN_CLAIMS and isinstance(address, dict)):
        return None
    if None in profile.values() or None in attributes.values():
        return None
    if (address and None in address.values()) or (settings and None in settings.values()):
        return None
    if address:
        profile["address"] = address
    return replace(
        row,
        status=row.status if data.status is UNSET else data.status,
        complete=True,
        profile=profile,
        attributes=attributes,
        settings={**row.settings, **settings} if settings else row.settings,
        as_of=micros,
        stamps=_stamps_kept(row, event) if stamps or row.settings or data.status is UNSET else {},
    )


def _stamps_kept(row: UserRow, event: Event) -> dict[str, int]:
    """The stamps of what a snapshot neither clears nor names. They now differ from its `as_of`."""
    said = event.data.settings or _NOTHING
    stamps = {
        name: stamp
        for name, stamp in row.stamps.items()
        if name.startswith(SETTING) and name[len(SETTING) :] not in said
    }
    for setting in row.settings:
        if setting not in said:
            stamps[SETTING + setting] = _stamp(row, SETTING + setting)
    if event.data.status is UNSET and row.status is not UNSET:
        stamps["status"] = _stamp(row, "status")
    return stamps


def _stamp(row: UserRow, name: str) -> int:
    """The stamp of a register that has a value."""
    return row.stamps.get(name, NEVER if row.as_of is UNSET else row.as_of)


def _newest_fields(row: UserRow, event: Event, micros: int) -> UserRow | None:
    """The row after a partial event that is newer than the full snapshot and than every register that it
    names; the same row if it names none. Else None."""
    data, stamps = event.data, row.stamps
    claims, attributes = data.user.copy(), data.attributes or _NOTHING
    del claims["sub"]
    address = claims.pop("address", _NOTHING)
    names: list[Any] = list(map(_STAMP_OF_CLAIM.get, claims))
    if None in names or data.settings or None in claims.values() or None in attributes.values():
        return _newest_registers(row, event, micros)
    if address:
        if not isinstance(address, dict) or None in address.values():
            return _newest_registers(row, event, micros)
        names += [MEMBER + member for member in address]
    elif address is None:
        return _newest_registers(row, event, micros)
    if attributes:
        names += ["attributes." + name for name in attributes]
    if data.status is not UNSET:
        names.append("status")
    if not names:
        return row
    if not _are_newest(row, names, micros):
        return None
    said = dict.fromkeys(names, micros)
    after = replace(row, stamps={**stamps, **said} if stamps else said)
    if data.status is not UNSET:
        after.status = data.status
    if claims:
        after.profile = {**row.profile, **claims}
    if address:
        after.profile = {**after.profile, "address": {**row.profile.get("address", _NOTHING), **address}}
    if attributes:
        after.attributes = {**row.attributes, **attributes}
    return after


def _are_newest(row: UserRow, names: list[str], micros: int) -> bool:
    """Whether a partial event is newer than the full snapshot and than the registers of these names."""
    stamps, floor = row.stamps, NEVER if row.as_of is UNSET else row.as_of
    if floor >= micros or ADDRESS in stamps:
        return False
    # perf: saves the look at each name if no stamp is as new as the event; plain form: look.
    return not stamps or max(stamps.values()) < micros or all(stamps.get(it, floor) < micros for it in names)


def _newest_registers(row: UserRow, event: Event, micros: int) -> UserRow | None:
    """`_newest_fields`, if an address, a setting or a cleared field is among the registers."""
    said = fields_of(event)
    if not said:
        return row
    if row.as_of is not UNSET and row.as_of >= micros:
        return None
    if ADDRESS in said or ADDRESS in row.stamps:
        return None
    for name in said:
        if _stamp(row, name) >= micros:
            return None
    after = replace(
        row,
        profile=row.profile.copy(),
        attributes=row.attributes.copy(),
        settings=row.settings.copy(),
        stamps={**row.stamps, **dict.fromkeys(said, micros)},
    )
    if "address" in after.profile:
        after.profile["address"] = after.profile["address"].copy()
    for name, value in said.items():
        put(after, name, value)
    if not after.profile.get("address", True):
        del after.profile["address"]
    return after


def _newest_times(after: UserRow, row: UserRow, event: Event, at: Instant) -> UserRow | None:
    """`after`, with those fields that carry their own time. None if one of them does not win. `row` is the
    row before the event."""
    said, text = times_of(event, at), at.text
    if not said:
        return after
    if after is row:
        after = replace(row)
    if "updated_at" in said:
        if row.updated_at is not UNSET and row.updated_at >= text:
            return None
        after.updated_at = said.pop("updated_at")
    for name, value in said.items():
        if name == "presence":
            if row.presence is not UNSET and row.presence.at >= text:
                return None
            after.presence = PresenceAt(value, text)
        else:
            held = getattr(row, name)
            if held is not UNSET and held >= text:
                return None
            setattr(after, name, value)
    return after
