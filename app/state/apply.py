"""One event applied to the two rows of its key: what the worker does for every canonical record."""

from msgspec import UNSET

from app.canonical import Event
from app.state.effect import Effect, effect_of_nothing
from app.state.encoding import encode_row
from app.state.instants import instant
from app.state.loyalty import loyalty_alone, merge_loyalty, prune
from app.state.overtake import first_row, overtake
from app.state.rows import LoyaltyRow, Marker, User, UserRow
from app.state.stale import plainly_stale
from app.state.users import marker_alone, merge_users, row_alone


def apply(
    event: Event, user: User | None, loyalty: LoyaltyRow | None
) -> tuple[User | None, LoyaltyRow | None, Effect]:
    """The rows after an event, and what it did to them (contract, section 4).

    Pure: the rows handed in stay as they are, and one that does not change is handed back itself, so
    `is` tells the caller what there is to write. A new row may share values with the event, which is
    not to be changed afterwards. Never raises for an event that `decode_event` accepts.
    """
    micros, text = instant(event.time)
    if user is not None and user.deleted_at is not UNSET and text <= user.deleted_at:
        return user, loyalty, "after_deletion"
    if event.type == "user.deleted":
        marker = marker_alone(event, text)
        after = marker if user is None else merge_users(user, marker)
        return after, prune(loyalty, after), "changed"
    if isinstance(user, Marker) and event.data.snapshot == "partial":
        return user, loyalty, "after_deletion"
    return _apply_live(event, micros, text, user, loyalty)


def concerns_loyalty(event: Event) -> bool:
    """Whether `apply` looks at the loyalty row at all; of any other event it hands it back as it was."""
    data = event.data
    return data.score is not UNSET or data.points is not UNSET or event.type == "user.deleted"


def _apply_live(
    event: Event, micros: int, text: str, user: User | None, loyalty: LoyaltyRow | None
) -> tuple[User, LoyaltyRow | None, Effect]:
    """An event that no deletion stands against."""
    change = loyalty_alone(event, micros, text)
    new_loyalty = merge_loyalty(loyalty, change)
    if new_loyalty == loyalty:
        new_loyalty = loyalty
    if not isinstance(user, UserRow):  # nothing was known, or the user comes back
        alone = first_row(event, micros, text)
        return (alone if user is None else merge_users(user, alone)), new_loyalty, "changed"
    if change is None and plainly_stale(user, event, micros, text):
        return user, loyalty, "stale"

    new_user: User | None = overtake(user, event, micros, text)
    if new_user is None:
        new_user = merge_users(user, row_alone(event, micros, text))
        if encode_row(new_user) == encode_row(user):
            new_user = user
    if new_user is not user or new_loyalty is not loyalty:
        return new_user, new_loyalty, "changed"
    return user, loyalty, effect_of_nothing(row_alone(event, micros, text), change, user, loyalty)
