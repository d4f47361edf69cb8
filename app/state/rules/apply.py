"""One event applied to the two rows of its key: what the worker does for every canonical record."""

from msgspec import UNSET

from app.canonical import Event
from app.state.rules.effect import Effect, effect_without_change
from app.state.rules.instants import Instant, instant
from app.state.rules.loyalty import loyalty_of, merge_loyalty, prune
from app.state.rules.rows import DeletedUser, LoyaltyRow, User, UserRow, encode_user
from app.state.rules.users import deleted_user_of, merge_users, row_of

Applied = tuple[User | None, LoyaltyRow | None, Effect]
"""Both rows after an event, and what it did to them."""


def apply(event: Event, user: User | None, loyalty: LoyaltyRow | None) -> Applied:
    """The rows after an event, and what it did to them (docs/tables.md#effects).

    Pure: the given rows stay as they are. A row that does not change is returned as the same object, so
    `is` tells the caller what there is to write. A new row may share values with the event, so nobody may
    change the event afterwards. Never raises for an event that `decode_event` accepts.
    """
    return apply_at(event, instant(event.time), user, loyalty)


def apply_at(event: Event, at: Instant, user: User | None, loyalty: LoyaltyRow | None) -> Applied:
    """`apply`, for a caller that has read the event's time already: `at`."""
    if user is not None and user.deleted_at is not UNSET and at.text <= user.deleted_at:
        return user, loyalty, "after_deletion"
    if event.type == "user.deleted":
        deleted = deleted_user_of(event, at)
        after = deleted if user is None else merge_users(user, deleted)
        return after, prune(loyalty, after), "changed"
    if isinstance(user, DeletedUser) and event.data.snapshot == "partial":
        return user, loyalty, "after_deletion"

    said_user, said_loyalty = row_of(event, at), loyalty_of(event, at)
    new_user: User = said_user if user is None else merge_users(user, said_user)
    new_loyalty = merge_loyalty(loyalty, said_loyalty)
    # The bytes decide, because to Python 1, 1.0 and True are equal. A loyalty row has whole numbers only.
    if user is not None and encode_user(new_user) == encode_user(user):
        new_user = user
    if new_loyalty == loyalty:
        new_loyalty = loyalty
    if new_user is not user or new_loyalty is not loyalty:
        return new_user, new_loyalty, "changed"
    assert isinstance(user, UserRow), "a deleted user's row has become another one"
    return user, loyalty, effect_without_change(said_user, said_loyalty, user, loyalty)


def concerns_loyalty(event: Event) -> bool:
    """Whether `apply` looks at the loyalty row. For any other event it returns the loyalty row as it was."""
    data = event.data
    return data.score is not UNSET or data.points is not UNSET or event.type == "user.deleted"
