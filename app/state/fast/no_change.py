"""Rows that an event leaves as they are: it repeats what they hold, or it is older. A vendor that sends its
events again, and a replay, send nothing else."""

from typing import Any, Final

from msgspec import UNSET

from app.canonical import Event
from app.state.fast.overtake import PLAIN_CLAIMS
from app.state.rules.encoding import same_json, sorted_json
from app.state.rules.instants import Instant
from app.state.rules.loyalty import balance_of, entry_of
from app.state.rules.registers import ADDRESS, CLEARED_BY_SNAPSHOT, MEMBER, NEVER, SETTING, times_of
from app.state.rules.rows import ENTRIES_KEPT, Kind, LoyaltyRow, UserRow

_NOTHING: Final[dict[str, Any]] = {}


# perf: saves 81 % of fold of a repeat (make bench ARGS=fold); plain form: None, so that the caller merges.
def keeps_user(row: UserRow, event: Event, at: Instant) -> bool | None:
    """None if something that the event says may win. Else whether the row holds something of that, with this
    value and this stamp. The event is no deletion, says something, and is newer than `row.deleted_at`."""
    micros, is_full, stamps = at.micros, event.data.snapshot == "full", row.stamps
    as_of = NEVER if row.as_of is UNSET else row.as_of
    if (is_full and as_of < micros) or ADDRESS in stamps:
        return None
    holds = is_full and as_of == micros
    for prefix, said, kept in _groups(row, event):
        # perf: saves 11 % of fold of a repeat (make bench ARGS=fold); plain form: without the question.
        if not stamps and as_of == micros and said and sorted_json(said) == sorted_json(kept):
            holds = True
            continue
        clears = prefix.startswith(CLEARED_BY_SNAPSHOT)
        for field, value in said.items():
            held = kept.get(field)
            stamp = stamps.get(prefix + field, as_of if clears or held is not None else NEVER)
            if stamp > micros:
                continue
            if stamp == micros and type(value) is str and value == held:
                holds = True
                continue
            if value is None and is_full and clears:
                continue  # an absent claim and one that is null are the same in a full snapshot
            if stamp < micros:
                return None
            if value is None:
                holds = holds or held is None
            elif not same_json(value, held):
                return None
            else:
                holds = True
    return _keeps_times(row, event, at, holds)


_Group = tuple[str, dict[str, Any], dict[str, Any]]


def _groups(row: UserRow, event: Event) -> list[_Group]:
    """The registers with a stamp that the event names (`fields_of`), in groups: how their names begin, what
    the event says, and what the row has."""
    data, claims = event.data, event.data.user.copy()
    del claims["sub"]
    groups: list[_Group] = [("profile.", claims, row.profile)]
    if not claims.keys() <= PLAIN_CLAIMS:
        address = claims.pop("address", _NOTHING)
        for name in [name for name in claims if name.startswith("address.")]:
            del claims[name]
        if address is None:
            groups.append(("profile.", {"address": None}, _NOTHING))
        elif isinstance(address, dict):
            groups.append((MEMBER, address, row.profile.get("address", _NOTHING)))
    if data.attributes:
        groups.append(("attributes.", data.attributes, row.attributes))
    if data.settings:
        groups.append((SETTING, data.settings, row.settings))
    if data.status is not UNSET:
        kept = _NOTHING if row.status is UNSET else {"status": row.status}
        groups.append(("", {"status": data.status}, kept))
    return groups


def _keeps_times(row: UserRow, event: Event, at: Instant, holds: bool) -> bool | None:
    """`keeps_user` of the registers that carry their own time. `holds`: whether it holds one of the
    others."""
    for name, value in times_of(event, at).items():
        if name == "presence":
            if row.presence is UNSET or row.presence.at < at.text:
                return None
            held = row.presence.at
            if held == at.text and row.presence.status != value:
                return None
        else:
            held = getattr(row, name)
            if held is UNSET or held < at.text:
                return None
        holds = holds or held == at.text
    return holds


# perf: saves 19 % of fold of a repeat (make bench ARGS=fold); plain form: None, so that the caller merges.
def keeps_loyalty(row: LoyaltyRow, event: Event, at: Instant) -> bool | None:
    """`keeps_user` of the loyalty row, for an event with a score or points."""
    score, points = event.data.score, event.data.points
    change = points if score is UNSET else score
    if change is UNSET or (change is score and points is not UNSET):
        return None
    kind: Kind = "points" if score is UNSET else "reputation"
    entry = entry_of(event, at, kind, change)
    holds = False
    held = next((each for each in row.entries if each.id == entry.id), None)
    if held is not None:
        if held.at < entry.at or (held.at == entry.at and held != entry):
            return None
        holds = held == entry
    elif len(row.entries) < ENTRIES_KEPT or (entry.at, entry.id) > _last(row):
        return None
    stated = balance_of(at, change)
    if stated is not UNSET:
        balance = row.points if score is UNSET else row.reputation
        if balance is UNSET or balance.as_of < stated.as_of:
            return None
        if balance.as_of == stated.as_of and balance.value != stated.value:
            return None
        holds = holds or balance == stated
    return holds


def _last(row: LoyaltyRow) -> tuple[str, str]:
    return row.entries[-1].at, row.entries[-1].id
