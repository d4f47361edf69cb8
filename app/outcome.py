"""What becomes of one record: exactly one of three outcomes (contract, section 2)."""

from typing import Literal, get_args

from msgspec import Struct

from app.canonical import Event

SkipReason = Literal[
    "ping",  # Fynd's ping
    "no_users",  # the message names no user at all
    "other_family",  # a family of events that is not about a user's own state
    "tombstone",  # the record has a null value
]
DeadReason = Literal[
    "not_json",  # the decoder refuses the bytes
    "schema",  # a needed field is missing or unusable
    "unknown_event",  # an event name that nobody documented
    "bad_time",  # before 2000, or more than a day after the record's timestamp
    "too_large",  # over `max_record_bytes`, or what it becomes is over what a topic takes
    "mapper_error",  # our bug
]
SKIP_REASONS: tuple[SkipReason, ...] = get_args(SkipReason)
DEAD_REASONS: tuple[DeadReason, ...] = get_args(DeadReason)


class Emit(Struct, frozen=True, gc=False):
    """One or more canonical events, in the order in which the message names its users.

    `left_out` names the fields whose value could not be carried (wrong type, too large), once for
    each time it happened: names only, never a value.
    """

    events: list[Event]
    left_out: tuple[str, ...] = ()


class Skip(Struct, frozen=True, gc=False):
    """Known, and deliberately not emitted."""

    reason: SkipReason


class Dead(Struct, frozen=True, gc=False):
    """For the dead-letter topic. `detail` names a place and an expectation, never a value."""

    reason: DeadReason
    detail: str


Outcome = Emit | Skip | Dead
