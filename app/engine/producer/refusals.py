"""Decides which errors of a produce request belong to one record, and which put the log in doubt.

A broker validates a whole batch before it appends any of it. So if it refuses a batch because of one record,
nothing of the batch is in the log, and the other records can be sent again without that one.
"""

from collections.abc import Callable, Sequence
from enum import Enum, auto
from typing import Final, NamedTuple

from aiokafka.errors import (
    BrokerResponseError,
    KafkaError,
    TopicAuthorizationFailedError,
    UnknownError,
)

Headers = Sequence[tuple[str, bytes | None]]


class Refusal(Enum):
    """Why a broker refused a record. The batches before and after it are not in doubt."""

    SIZE = auto()
    STAMP = auto()
    FORM = auto()
    CORRUPT = auto()


# By Kafka's error code. Every other error ends the worker:
# - missing rights (29, 31, 53), a topic that is deleted or has an invalid name (17), a broker of another
#   protocol version (35, 42, 43), and errors that are not known: every record would be refused;
# - fencing and lost sequences (45, 47, 48, 49, 59, 90): nobody knows whether the batch is in the log.
#
# This code never sees a leader that moves, too few replicas, a timeout, a full disk (3, 5 to 9, 19, 20, 41,
# 56) or a broken connection: aiokafka sends the batch again until a broker accepts it.
_REFUSALS: Final[dict[int, Refusal]] = {
    10: Refusal.SIZE,  # MESSAGE_TOO_LARGE: larger than the topic's max.message.bytes
    18: Refusal.SIZE,  # RECORD_LIST_TOO_LARGE: larger than a segment of the topic
    32: Refusal.STAMP,  # INVALID_TIMESTAMP: outside the topic's message.timestamp.*.max.ms
    87: Refusal.FORM,  # INVALID_RECORD: a validation of the topic or in the broker does not accept it
    # CORRUPT_MESSAGE: a bit was flipped on the way, and sending again helps. Older brokers also answer with
    # it if a record without a key is sent to a compacted topic, and then sending again does not help.
    2: Refusal.CORRUPT,
    44: Refusal.FORM,  # POLICY_VIOLATION: a plug-in of the broker does not accept the record
}


def refusal_of(error: BaseException) -> Refusal | None:
    """Returns why the broker refused a record of the batch, or None if the error puts the log in doubt."""
    return _REFUSALS.get(error.errno) if isinstance(error, BrokerResponseError) else None


def is_of_a_record(error: BaseException) -> bool:
    """Returns whether a record is the cause of a failed write, or may be. It is not if the broker refuses the
    topic or the producer, or the clocks."""
    if not isinstance(error, KafkaError) or isinstance(error, UnknownError):
        return True
    return refusal_of(error) not in (None, Refusal.STAMP)


def advice(error: BaseException) -> str:
    """Returns what an operator should look at, in brackets; an empty text if the error's name says enough."""
    if refusal_of(error) is Refusal.STAMP:
        return (
            " (compare the clocks of worker and broker, and the topic's message.timestamp.before.max.ms and"
            " message.timestamp.after.max.ms)"
        )
    if isinstance(error, TopicAuthorizationFailedError):
        return " (WRITE on it is missing)"
    return ""


class Written(NamedTuple):
    """A record without its timestamp, which is the time of writing."""

    key: bytes | None
    value: bytes | None
    headers: Headers = ()


OnRefused = Callable[[Written, Refusal], Written | None]
"""Returns what is written in place of a record that the broker refused, or None if the handler has answered
the record in another way. It is called in the event loop and must not block. Raises NoAnswer."""


class NoAnswer(Exception):
    """Nothing can be written in place of the refused record, so the worker must end."""
