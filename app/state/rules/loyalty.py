"""The loyalty row: stated balances, and the newest entries as a set (docs/tables.md#loyalty-row)."""

from msgspec import UNSET, UnsetType

from app.canonical import Event, Points, Score
from app.state.rules.encoding import sorted_json
from app.state.rules.instants import Instant, micros_of
from app.state.rules.registers import greater
from app.state.rules.rows import ENTRIES_KEPT, Balance, DeletedUser, Entry, Kind, LoyaltyRow, User


def loyalty_of(event: Event, at: Instant) -> LoyaltyRow | None:
    """The loyalty row that this event alone makes, or None if it has neither score nor points.

    An event with both makes two entries with one id; the greater of them is kept, as of any two.
    """
    score, points = event.data.score, event.data.points
    entries = []
    if score is not UNSET:
        entries.append(entry_of(event, at, "reputation", score))
    if points is not UNSET:
        entries.append(entry_of(event, at, "points", points))
    if not entries:
        return None
    return LoyaltyRow(
        vendor=event.vendor,
        tenant=event.tenant,
        sub=event.data.user["sub"],
        reputation=balance_of(at, score),
        points=balance_of(at, points),
        entries=_newest(entries),
    )


def entry_of(event: Event, at: Instant, kind: Kind, change: Score | Points) -> Entry:
    """The entry that an event with this change makes."""
    return Entry(
        id=event.id, kind=kind, delta=change.delta, balance=change.balance, reason=change.reason, at=at.text
    )


def balance_of(at: Instant, change: Score | Points | UnsetType) -> Balance | UnsetType:
    """The balance that an event with this change states, or UNSET if it states none."""
    if change is UNSET or change.balance is UNSET:
        return UNSET
    return Balance(change.balance, at.micros)


def merge_loyalty(a: LoyaltyRow | None, b: LoyaltyRow | None) -> LoyaltyRow | None:
    """The join of two states of one loyalty row. A loyalty row knows of no deletion: see `prune`."""
    if a is None or b is None:
        return b if a is None else a
    vendor, tenant, sub = max((a.vendor, a.tenant, a.sub), (b.vendor, b.tenant, b.sub))
    return LoyaltyRow(
        vendor=vendor,
        tenant=tenant,
        sub=sub,
        reputation=_greater_balance(a.reputation, b.reputation),
        points=_greater_balance(a.points, b.points),
        entries=_newest([*a.entries, *b.entries]),
    )


def _greater_balance(a: Balance | UnsetType, b: Balance | UnsetType) -> Balance | UnsetType:
    if a is UNSET or b is UNSET:
        return b if a is UNSET else a
    as_of, value = greater((a.as_of, a.value), (b.as_of, b.value))
    return Balance(value, as_of)


def _newest(entries: list[Entry]) -> list[Entry]:
    """The newest ENTRIES_KEPT entries by (time, id), each id once. Of two entries with one id the one with
    the greater (time, encoding) is kept."""
    by_id: dict[str, Entry] = {}
    for entry in entries:
        held = by_id.setdefault(entry.id, entry)
        if held != entry and (held.at, sorted_json(held)) < (entry.at, sorted_json(entry)):
            by_id[entry.id] = entry
    newest = sorted(by_id.values(), key=lambda entry: (entry.at, entry.id), reverse=True)
    return newest[:ENTRIES_KEPT]


def prune(loyalty: LoyaltyRow | None, user: User | None) -> LoyaltyRow | None:
    """What the users row of the same key leaves of a loyalty row; None is a tombstone
    (docs/tables.md#deletion).

    A marker leaves nothing. A user who came back keeps what is newer than the deletion. `apply` and `merge`
    return pruned rows. Recovery calls `prune` itself, because it reads the two rows from two topics, of which
    one may hold older records than the other.
    """
    if loyalty is None or user is None or user.deleted_at is UNSET:
        return loyalty
    if isinstance(user, DeletedUser):
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
