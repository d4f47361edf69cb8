"""The loyalty row after a change of a balance that is newer than everything in it. Nearly every one is."""

from msgspec import UNSET, UnsetType
from msgspec.structs import replace

from app.canonical import Event
from app.state.rules.instants import Instant
from app.state.rules.loyalty import balance_of, entry_of
from app.state.rules.rows import ENTRIES_KEPT, Balance, LoyaltyRow


# perf: saves 17 % of applying newer events; plain form: `merge_loyalty(row, loyalty_of(event, at))`.
def with_newest_entry(row: LoyaltyRow | None, event: Event, at: Instant) -> LoyaltyRow | None:
    """The loyalty row after an event with a score or points, or None if a merge is needed."""
    score, points = event.data.score, event.data.points
    change = points if score is UNSET else score
    if change is UNSET or (change is score and points is not UNSET):
        return None
    if row is not None and (not row.entries or at.text < row.entries[0].at):
        return None
    entry = entry_of(event, at, "points" if score is UNSET else "reputation", change)
    stated = balance_of(at, change)
    if row is None:
        return LoyaltyRow(
            vendor=event.vendor,
            tenant=event.tenant,
            sub=event.data.user["sub"],
            reputation=UNSET if score is UNSET else stated,
            points=stated if score is UNSET else UNSET,
            entries=[entry],
        )
    head = row.entries[0]
    if (entry.at, entry.id) <= (head.at, head.id) or entry.id in [held.id for held in row.entries]:
        return None
    entries = [entry, *row.entries[: ENTRIES_KEPT - 1]]
    if stated is UNSET:
        return replace(row, entries=entries)
    if not _is_newer(stated, row.points if score is UNSET else row.reputation):
        return None
    if score is UNSET:
        return replace(row, points=stated, entries=entries)
    return replace(row, reputation=stated, entries=entries)


def _is_newer(stated: Balance, held: Balance | UnsetType) -> bool:
    """Whether the stated balance wins without a look at its value."""
    return held is UNSET or stated.as_of > held.as_of
