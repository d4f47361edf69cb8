"""The rows of a whole history, in memory: what the worker's tables end as."""

from collections.abc import Callable, Iterable

from app.canonical import Event
from app.state.rules.apply import Applied
from app.state.rules.rows import NO_ROWS, LoyaltyRow, Rows, User


def fold_by(
    apply: Callable[[Event, User | None, LoyaltyRow | None], Applied], events: Iterable[Event]
) -> dict[str, Rows]:
    """The rows of every key that the events name, by canonical key, applied in the order given."""
    rows: dict[str, Rows] = {}
    for event in events:
        user, loyalty = rows.get(event.partitionkey, NO_ROWS)
        user, loyalty, _ = apply(event, user, loyalty)
        rows[event.partitionkey] = Rows(user, loyalty)
    return rows
