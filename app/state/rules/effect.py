"""The closed set of what an event can do to the rows, and which of it an event did that changed nothing."""

from typing import Literal, get_args

from msgspec import UNSET

from app.state.rules.registers import NEVER, Register, cleared_until, equal
from app.state.rules.rows import LoyaltyRow, UserRow
from app.state.rules.users import to_registers

Effect = Literal[
    "changed",
    "after_deletion",  # dropped because of a deletion
    "stale",  # it said something, and all of that lost to greater registers
    "unchanged",  # the rows stay equal for any other reason: a repeat, or it said nothing
]
EFFECTS: tuple[Effect, ...] = get_args(Effect)


def effect_without_change(
    said_user: UserRow, said_loyalty: LoyaltyRow | None, user: UserRow, loyalty: LoyaltyRow | None
) -> Effect:
    """Why an event leaves `user` and `loyalty` as they are: `stale` or `unchanged`. The other two rows are
    those that the event alone makes.

    If the rows hold one of the things that the event says, with its value and its stamp, then the event is a
    repeat. An event that loses a tie to a greater encoding has lost.
    """
    held = _held_of_user(said_user, user) + _held_of_loyalty(said_loyalty, loyalty)
    return "stale" if held and not any(held) else "unchanged"


def _held_of_user(said_user: UserRow, user: UserRow) -> list[bool]:
    """For each register that the event states, whether the row holds it with this value and this stamp."""
    held = to_registers(user)
    as_of = NEVER if user.as_of is UNSET else user.as_of
    says = [] if said_user.as_of is UNSET else [said_user.as_of == as_of]
    for name, register in to_registers(said_user).items():
        cleared: Register = (cleared_until(name, held, as_of), None)
        says.append(equal(register, held.get(name, cleared)))
    return says


def _held_of_loyalty(said: LoyaltyRow | None, loyalty: LoyaltyRow | None) -> list[bool]:
    """For each entry and balance that the event states, whether the row holds it."""
    if said is None or loyalty is None:
        return []
    says = [entry in loyalty.entries for entry in said.entries]
    says += [said.reputation == loyalty.reputation] if said.reputation else []
    says += [said.points == loyalty.points] if said.points else []
    return says
