"""Asks the brokers what time it is, to compare their clock with that of this machine.

No request of Kafka is meant for that. But the answer to DescribeQuorum has the time at which each controller
last fetched, and the leader writes its present time there. It needs the right DESCRIBE on the cluster.
"""

from collections.abc import Callable
from typing import Any, Final

from aiokafka.errors import KafkaError
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields

_LOG: Final = "__cluster_metadata"
_MS: Final = 1000

_REPLICAS: Final = CompactArray(
    ("replica", Int32),
    ("log_end", Int64),
    ("last_fetch", Int64),
    ("last_caught_up", Int64),
    ("tags", TaggedFields),
)


class _DescribeQuorumResponse(Response):
    API_KEY = 55
    API_VERSION = 1
    FLEXIBLE_VERSION = True
    SCHEMA = Schema(
        ("error_code", Int16),
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("error_code", Int16),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("high_watermark", Int64),
                        ("voters", _REPLICAS),
                        ("observers", _REPLICAS),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeQuorumStruct(RequestStruct):
    API_KEY = 55
    API_VERSION = 1
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _DescribeQuorumResponse
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(
                ("topic", CompactString("utf-8")),
                ("partitions", CompactArray(("partition", Int32), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _DescribeQuorumRequest(Request[_DescribeQuorumStruct]):
    """Version 1, which brokers know since 3.3; the one before has no times."""

    API_KEY = 55

    def build(self, request_struct_class: type[_DescribeQuorumStruct]) -> _DescribeQuorumStruct:
        """Returns the request as it is sent. aiokafka calls this."""
        return request_struct_class([(_LOG, [(0, {})], {})], {})


async def clock_difference(client: Any, wall: Callable[[], float]) -> float | None:
    """Returns by how many seconds the clock of this machine is ahead of that of the leading controller,
    negative if it is behind; None if the brokers do not tell. It is exact to the time of the request.

    `client` is one of aiokafka, `wall` returns this machine's time in seconds since 1970.
    """
    asked = wall()
    try:
        answer = await client.send(client.get_random_node(), _DescribeQuorumRequest())
    except (KafkaError, NotImplementedError):  # among others: the brokers are too old to know the request
        return None
    now = (asked + wall()) / 2
    if answer.error_code:
        return None
    for _, partitions, _ in answer.topics:
        for _, code, leader, _, _, voters, _, _ in partitions:
            for replica, _, last_fetch, _, _ in voters:
                if not code and replica == leader and last_fetch > 0:
                    return now - float(last_fetch) / _MS
    return None
