"""The closed set of what an event can do to the rows, and which of it a lost event did."""

from typing import Literal, get_args

from msgspec import UNSET

from app.state.registers import NEVER, Register, cleared_until, equal
from app.state.rows import LoyaltyRow, UserRow
from app.state.users import take_apart

Effect = Literal[
    "changed",
    "after_deletion",  # dropped because of a deletion
    "stale",  # it said something, and all of that lost to greater registers
    "unchanged",  # the rows stay equal for any other reason: a repeat, or it said nothing
]
EFFECTS: tuple[Effect, ...] = get_args(Effect)


def effect_of_nothing(
    alone: UserRow, change: LoyaltyRow | None, user: UserRow, loyalty: LoyaltyRow | None
) -> Effect:
    """Why an event left both rows as they are. `alone` and `change` are the rows that it makes alone.

    One thing said that the rows hold with the same stamp and value makes it a repeat. To lose to the
    greater encoding at the same time counts as losing.
    """
    said_user, said_loyalty = _user_says(alone, user), _loyalty_says(change, loyalty)
    said = said_user + said_loyalty
    return "stale" if said and not any(said) else "unchanged"


def _user_says(alone: UserRow, user: UserRow) -> list[bool]:
    """Of each register that the event states, whether the row holds just that."""
    held = take_apart(user)
    as_of = NEVER if user.as_of is UNSET else user.as_of
    says = [] if alone.as_of is UNSET else [alone.as_of == as_of]
    for name, register in take_apart(alone).items():
        cleared: Register = (cleared_until(name, held, as_of), None)
        says.append(equal(register, held.get(name, cleared)))
    return says


def _loyalty_says(change: LoyaltyRow | None, loyalty: LoyaltyRow | None) -> list[bool]:
    if change is None or loyalty is None:
        return []
    says = [entry in loyalty.entries for entry in change.entries]
    says += [change.reputation == loyalty.reputation] if change.reputation else []
    says += [change.points == loyalty.points] if change.points else []
    return says
