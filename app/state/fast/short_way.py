"""`apply`, with short ways for events that are newer, or older, than everything they touch."""

from datetime import UTC, datetime
from typing import Final

from msgspec import UNSET

from app.canonical import Event
from app.state.fast.newest_entry import with_newest_entry
from app.state.fast.no_change import keeps_loyalty, keeps_user
from app.state.fast.overtake import first_row, overtake
from app.state.fast.stale import plainly_stale
from app.state.rules.apply import Applied, apply_at
from app.state.rules.instants import Instant, instant
from app.state.rules.rows import DeletedUser, LoyaltyRow, User, UserRow
from app.state.rules.users import deleted_user_of
from app.times import MICROS_PER_SECOND

_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_CANONICAL_LENGTH: Final = len("2021-07-05T07:46:49.139224Z")
_SECONDS_PER_DAY: Final = 86_400


def apply(event: Event, user: User | None, loyalty: LoyaltyRow | None) -> Applied:
    """What `apply` in `rules/` returns.

    The rules themselves judge what has to do with a deletion, and what is neither newer nor older than
    everything that it touches.
    """
    at = _instant(event.time)
    if isinstance(user, DeletedUser):
        return apply_at(event, at, user, loyalty)
    if user is not None and user.deleted_at is not UNSET and at.text <= user.deleted_at:
        return apply_at(event, at, user, loyalty)
    if event.type == "user.deleted":
        # perf: saves 50 % of applying a deletion; plain form: without the question.
        if user is not None and (user.as_of is UNSET or user.as_of <= at.micros):
            return deleted_user_of(event, at), None, "changed"
        return apply_at(event, at, user, loyalty)
    return _newer_or_older(event, at, user, loyalty) or apply_at(event, at, user, loyalty)


def _newer_or_older(
    event: Event, at: Instant, user: UserRow | None, loyalty: LoyaltyRow | None
) -> Applied | None:
    """The answer to an event that no deletion concerns, or None if the rules have to find it."""
    says_loyalty = event.data.score is not UNSET or event.data.points is not UNSET
    held: bool | None = None
    if user is None:
        new_user: UserRow | None = first_row(event, at)
    elif not says_loyalty and plainly_stale(user, event, at):
        return user, loyalty, "stale"
    else:
        new_user = overtake(user, event, at)
        if new_user is None:
            held = keeps_user(user, event, at)
            if held is None:
                return None
            new_user = user
    new_loyalty, held_loyalty = loyalty, None
    if says_loyalty:
        new_loyalty = with_newest_entry(loyalty, event, at)
        if new_loyalty is None and loyalty is not None:
            held_loyalty = keeps_loyalty(loyalty, event, at)
            new_loyalty = None if held_loyalty is None else loyalty
        if new_loyalty is None:
            return None
    if new_user is not user or new_loyalty is not loyalty:
        return new_user, new_loyalty, "changed"
    is_stale = False in (held, held_loyalty) and True not in (held, held_loyalty)
    return user, loyalty, "stale" if is_stale else "unchanged"


# perf: saves 12 % of applying newer events; plain form: `instant`.
def _instant(text: str) -> Instant:
    """`instant`. A time that is canonical already needs no new text."""
    if len(text) == _CANONICAL_LENGTH and text[10] == "T" and text[26] == "Z":
        try:
            since = datetime.fromisoformat(text) - _EPOCH
        except ValueError:  # a leap second, which only the general parser knows
            pass
        else:
            seconds = since.days * _SECONDS_PER_DAY + since.seconds
            return Instant(seconds * MICROS_PER_SECOND + since.microseconds, text)
    return instant(text)
