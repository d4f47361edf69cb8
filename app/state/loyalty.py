"""The loyalty row: stated balances, and the newest entries as a set."""

from typing import Literal

from msgspec import UNSET, UnsetType

from app.canonical import Event, Points, Score
from app.state.encoding import sorted_json
from app.state.registers import greater
from app.state.rows import ENTRIES_KEPT, Balance, Entry, LoyaltyRow, Marker, User, micros_of


def loyalty_alone(event: Event, micros: int, text: str) -> LoyaltyRow | None:
    """The loyalty row that this event alone makes, or None where it tells of neither score nor points.

    An event with both has two entries of one id, of which, as always, the greater is kept.
    """
    score, points = event.data.score, event.data.points
    entries: list[Entry] = []
    if score is not UNSET:
        entries.append(_entry(event.id, "reputation", score, text))
    if points is not UNSET:
        entries.append(_entry(event.id, "points", points, text))
    if not entries:
        return None
    return LoyaltyRow(
        vendor=event.vendor,
        tenant=event.tenant,
        sub=event.data.user["sub"],
        reputation=_balance(score, micros),
        points=_balance(points, micros),
        entries=entries if len(entries) == 1 else _newest(entries),
    )


def _entry(event_id: str, kind: Literal["reputation", "points"], change: Score | Points, text: str) -> Entry:
    return Entry(
        id=event_id, kind=kind, delta=change.delta, balance=change.balance, reason=change.reason, at=text
    )


def _balance(change: Score | Points | UnsetType, micros: int) -> Balance | UnsetType:
    if change is UNSET or change.balance is UNSET:
        return UNSET
    return Balance(change.balance, micros)


def merge_loyalty(a: LoyaltyRow | None, b: LoyaltyRow | None) -> LoyaltyRow | None:
    """The join of two states of one loyalty row. It knows of no deletion: see `prune`."""
    if a is None or b is None:
        return b if a is None else a
    vendor, tenant, sub = max((a.vendor, a.tenant, a.sub), (b.vendor, b.tenant, b.sub))
    return LoyaltyRow(
        vendor=vendor,
        tenant=tenant,
        sub=sub,
        reputation=_greater_balance(a.reputation, b.reputation),
        points=_greater_balance(a.points, b.points),
        entries=_join_entries(a.entries, b.entries),
    )


def _greater_balance(a: Balance | UnsetType, b: Balance | UnsetType) -> Balance | UnsetType:
    if a is UNSET or b is UNSET:
        return b if a is UNSET else a
    as_of, value = greater((a.as_of, a.value), (b.as_of, b.value))
    return Balance(value, as_of)


def _join_entries(a: list[Entry], b: list[Entry]) -> list[Entry]:
    if a and len(b) == 1 and _overtakes(b[0], a):  # nearly every event
        return [b[0], *a[: ENTRIES_KEPT - 1]]
    return _newest([*a, *b])


def _overtakes(new: Entry, entries: list[Entry]) -> bool:
    head = entries[0]
    return (new.at, new.id) > (head.at, head.id) and new.id not in [entry.id for entry in entries]


def _newest(entries: list[Entry]) -> list[Entry]:
    """The newest by (time, id), an id once; of two with one id the greater (time, encoding)."""
    by_id: dict[str, Entry] = {}
    for entry in entries:
        held = by_id.setdefault(entry.id, entry)
        if held != entry and (held.at, sorted_json(held)) < (entry.at, sorted_json(entry)):
            by_id[entry.id] = entry
    newest = sorted(by_id.values(), key=lambda entry: (entry.at, entry.id), reverse=True)
    return newest[:ENTRIES_KEPT]


def prune(loyalty: LoyaltyRow | None, user: User | None) -> LoyaltyRow | None:
    """What a users row leaves of its loyalty row: nothing beside a marker, and of a user who came back
    after a deletion nothing that is not newer than the deletion. None = tombstone.

    `apply` and `merge` hand back pruned pairs. Recovery calls it itself, because it reads the two rows
    of a key from two topics, and they may be out of step.
    """
    if loyalty is None or user is None or user.deleted_at is UNSET:
        return loyalty
    if isinstance(user, Marker):
        return None
    deleted = micros_of(user.deleted_at)
    pruned = LoyaltyRow(
        vendor=loyalty.vendor,
        tenant=loyalty.tenant,
        sub=loyalty.sub,
        reputation=_balance_after(deleted, loyalty.reputation),
        points=_balance_after(deleted, loyalty.points),
        entries=[entry for entry in loyalty.entries if entry.at > user.deleted_at],
    )
    return pruned if pruned.entries or pruned.reputation or pruned.points else None


def _balance_after(deleted: int, balance: Balance | UnsetType) -> Balance | UnsetType:
    return UNSET if balance is UNSET or balance.as_of <= deleted else balance
