"""Asks a broker which operations its access rules allow this client on topics. aiokafka's own request for
metadata is of an older version, without that."""

from collections.abc import Sequence
from typing import Final, Literal

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, TopicAuthorizationFailedError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

Operation = Literal["READ", "WRITE"]

# The number of an operation is that of its bit in the answer.
_BITS: Final[dict[Operation, int]] = {"READ": 3, "WRITE": 4}
_DESCRIBE: Final = 8


class _MetadataResponse(Response):
    API_KEY = 3
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("name", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataStruct(RequestStruct):
    API_KEY = 3
    API_VERSION = 8
    RESPONSE_TYPE = _MetadataResponse
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _RightsRequest(Request[_MetadataStruct]):
    """Version 8 of the request for metadata, which brokers know since 2.3."""

    API_KEY = 3

    def __init__(self, topics: Sequence[str]) -> None:
        self.topics = topics

    def build(self, request_struct_class: type[_MetadataStruct]) -> _MetadataStruct:
        """Returns the request as it is sent. aiokafka calls this."""
        return request_struct_class(list(self.topics), False, False, True)


async def topic_rights(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, frozenset[Operation]]:
    """Returns which of the operations are allowed on each topic. Topics of which the broker does not tell are
    left out: missing ones, those that may not be described, and all if it is older than 2.3.

    Raises KafkaError.
    """
    try:
        answer = await admin._send_request(_RightsRequest(topics))
    except (IncompatibleBrokerVersion, NotImplementedError):
        return {}
    found = {}
    for _code, name, _internal, _partitions, allowed in answer.topics:
        # Who may see a topic may describe it. Brokers that do not know the answer say so by one number, and
        # some by 0.
        if allowed > 0 and allowed >> _DESCRIBE & 1:
            found[name] = frozenset(operation for operation, bit in _BITS.items() if allowed >> bit & 1)
    return found


def missing_right(operation: Operation, topic: str) -> str:
    """Returns the line about a right that this client needs and does not have."""
    return f"not authorized to {operation.lower()} topic {topic}: {operation} on it is missing"


def refused_read(problem: BaseException) -> str | None:
    """Returns that line if the problem is that topics may not be read; otherwise None. `problem` is what
    aiokafka has raised for a fetch, which names one topic, or for a commit, which may name several."""
    if not isinstance(problem, TopicAuthorizationFailedError) or not problem.args:
        return None
    (named,) = problem.args
    topics = [named] if isinstance(named, str) else sorted(named)
    return "; ".join(missing_right("READ", topic) for topic in topics)
