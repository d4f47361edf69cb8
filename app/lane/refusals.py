"""Which errors of a produce request belong to a record, and which put the log in doubt: one table.

A broker judges a batch as a whole before it appends any of it. So a batch that is refused for the sake of
one of its records is not in the log at all, and its records can be sent again without the refused one.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from aiokafka import errors
from aiokafka.errors import BrokerResponseError

Headers = Sequence[tuple[str, bytes | None]]


class InvalidRecordError(BrokerResponseError):
    """aiokafka has no class for this code and would call it UnknownError."""

    errno = 87
    message = "INVALID_RECORD"
    description = "The broker's validation of a record failed, for example a null key on a compacted topic."


errors.kafka_errors.setdefault(InvalidRecordError.errno, InvalidRecordError)


class Refusal(Enum):
    """Why a broker refused a record. The batches around it are not in doubt."""

    SIZE = auto()
    STAMP = auto()
    FORM = auto()
    CORRUPT = auto()


# By Kafka's error code. What is not in here ends the worker:
# - missing rights (29, 31, 53), a topic that is deleted or has an invalid name (17), a broker that
#   speaks another version (35, 42, 43) or an error that we do not know: every record would be refused;
# - fencing and lost sequences (45, 47, 48, 49, 59, 90): whether the batch is in the log is not known.
# A leader that moves, too few replicas, a timeout, a full disk (3, 5 to 9, 19, 20, 41, 56) and a broken
# connection never reach us: aiokafka sends the batch again until a broker takes it.
_REFUSALS: Final[dict[int, Refusal]] = {
    10: Refusal.SIZE,  # MESSAGE_TOO_LARGE: larger than the topic's max.message.bytes
    18: Refusal.SIZE,  # RECORD_LIST_TOO_LARGE: larger than a segment of the topic
    32: Refusal.STAMP,  # INVALID_TIMESTAMP: outside the topic's message.timestamp.*.max.ms
    87: Refusal.FORM,  # INVALID_RECORD: the topic, or a validation in the broker, does not take it
    # CORRUPT_MESSAGE: a bit was flipped on the way, which sending again cures. Older brokers also
    # answer it for a null key on a compacted topic, which it does not.
    2: Refusal.CORRUPT,
    44: Refusal.FORM,  # POLICY_VIOLATION: a policy that was added to the broker judges records
}


def refusal_of(error: BaseException) -> Refusal | None:
    """Why the broker refused a record of the batch; None if the error puts the log in doubt."""
    return _REFUSALS.get(error.errno) if isinstance(error, BrokerResponseError) else None


def advice(error: BaseException) -> str:
    """What an operator should look at, in brackets; empty if the error's name says it all."""
    if refusal_of(error) is Refusal.STAMP:
        return (
            " (compare the clocks of worker and broker, and the topic's message.timestamp.before.max.ms and"
            " message.timestamp.after.max.ms)"
        )
    return ""


class Written(NamedTuple):
    """What is written of a record, but for its time: that is the time of writing."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


OnRefused = Callable[[Written, Refusal], Written | None]
"""Called in the event loop with a record that the broker refused; must not block. Returns what is written
in its place, or None if the record is answered in another way. Raises `NoAnswer`."""


class NoAnswer(Exception):
    """Nothing can be written in the place of the refused record: the worker has to end."""
