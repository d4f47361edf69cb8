"""What becomes of one record: exactly one of three outcomes (docs/events.md#outcomes)."""

from typing import Final, Literal, get_args

from msgspec import Struct

from app.new_event import NewEvent

SkipReason = Literal[
    "ping",  # Fynd's ping
    "no_users",  # the message names no user
    "other_family",  # a family of events that is not about a user's own state
    "tombstone",  # the record has a null value
]
DeadReason = Literal[
    "not_json",  # the decoder refuses the bytes
    "schema",  # a needed field is missing or unusable
    "unknown_event",  # an event name that nobody documented
    "bad_time",  # before 2000, or more than a day after the record's timestamp
    "too_large",  # over MAX_RECORD_BYTES, or its event or row would be too large
    "mapper_error",  # a bug of Rollcall, or an operator skips the record
]
SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)
DEAD_REASONS: tuple[DeadReason, ...] = get_args(DeadReason)


class Emit(Struct, frozen=True, gc=False):
    """One or more canonical events, in the order in which the message names its users.

    `left_out` has the name of each field whose value was left out because it has a wrong type or is too
    large, once for each time that happened. It has names only, never a value.
    """

    events: list[NewEvent]
    left_out: tuple[str, ...] = ()


class Skip(Struct, frozen=True, gc=False):
    """A known message from which no event is made, on purpose."""

    reason: SkipReason


class Dead(Struct, frozen=True, gc=False):
    """A record for the dead-letter topic. `detail` has a path in the body and what was expected there, never
    a value."""

    reason: DeadReason
    detail: str


SKIPPED: Final = Dead("mapper_error", "skipped by operator")
"""The outcome of a record that an operator skips, because workers die of it."""

Outcome = Emit | Skip | Dead
