"""What aiokafka lacks for a static member, a worker with a group instance id.

**It must not throw out another live worker that has joined with the same id.** The coordinator answers it
with UNKNOWN_MEMBER_ID, because aiokafka's heartbeats and commits do not carry the instance id. aiokafka then
joins again as a new process would, and so throws the other one out, which does the same: for ever. So the
member asks with its instance id, and with the member id that it has had. The coordinator then says which of
the two it is: a session that is over, or another worker.

**It must look whether its assignment is for its topics**, because the group does not rebalance when it comes
back (docs/design.md#static-members).
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection
from collections.abc import Set as AbstractSet
from typing import Any, TypeAlias

from aiokafka.coordinator.protocol import ConsumerProtocol
from aiokafka.errors import KafkaError, UnknownMemberIdError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Int16, Int32, Schema, String

from app.engine.aiokafka_patches import FencedInstanceIdError

Refused: TypeAlias = Callable[[BaseException], Awaitable[None]]


class _HeartbeatResponse(Response):
    API_KEY = 12
    API_VERSION = 3
    SCHEMA = Schema(("throttle_time_ms", Int32), ("error_code", Int16))


class _HeartbeatStruct(RequestStruct):
    API_KEY = 12
    API_VERSION = 3
    RESPONSE_TYPE = _HeartbeatResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        ("generation_id", Int32),
        ("member_id", String("utf-8")),
        ("group_instance_id", String("utf-8")),
    )


class StaticHeartbeat(Request[_HeartbeatStruct]):
    """A heartbeat with a group instance id: version 3, which brokers know since 2.3."""

    API_KEY = 12

    def __init__(self, group: str, generation: int, member_id: str, instance: str) -> None:
        self.values = (group, generation, member_id, instance)

    def build(self, request_struct_class: type[_HeartbeatStruct]) -> _HeartbeatStruct:
        """Returns the request as it is sent. aiokafka calls this."""
        return request_struct_class(*self.values)


def keep_member_id(coordinator: Any, instance: str, refused: Refused) -> None:
    """Replaces `reset_generation` of aiokafka's coordinator, which forgets the member id.

    `refused` is awaited with FencedInstanceIdError if another worker has joined with the same instance id.
    """
    reset = coordinator.reset_generation
    asking: set[asyncio.Task[None]] = set()

    def reset_and_ask() -> None:
        generation, member_id = coordinator.generation, coordinator.member_id
        reset()
        if not member_id or coordinator._closing.done():
            return
        # With this id the coordinator answers FENCED_INSTANCE_ID to a request to join if somebody has come in
        # between. Without it the coordinator takes this process for the newer one.
        coordinator.member_id = member_id
        if not asking:
            task = asyncio.ensure_future(_ask(coordinator, generation, member_id, instance, refused))
            asking.add(task)
            task.add_done_callback(asking.discard)

    coordinator.reset_generation = reset_and_ask


async def _ask(coordinator: Any, generation: int, member_id: str, instance: str, refused: Refused) -> None:
    """Asks at once, because the revoke that comes before joining may take long, or end the process."""
    try:
        answer = await coordinator._send_req(
            StaticHeartbeat(coordinator.group_id, generation, member_id, instance)
        )
    except KafkaError:
        return  # joining, which comes next, asks the same
    kind = for_code(answer.error_code)
    if kind is FencedInstanceIdError:
        await refused(kind())
    elif kind is UnknownMemberIdError and coordinator.member_id == member_id:
        # The session is over, so this process joins as a new one does.
        coordinator.member_id = ""


def ignore_unsubscribed(
    coordinator: Any, topics: Callable[[], AbstractSet[str]], found: Callable[[], None]
) -> None:
    """Replaces `assign_from_subscribed` of aiokafka's subscription, which fails for a partition of a topic
    that the process before has read and this one does not. Such a partition is left out, and `found` is
    called."""
    subscription = coordinator._subscription
    assign = subscription.assign_from_subscribed

    def assign_subscribed(partitions: Collection[Any]) -> None:
        ours = [tp for tp in partitions if tp.topic in topics()]
        if len(ours) < len(partitions):
            found()
        assign(ours)

    subscription.assign_from_subscribed = assign_subscribed


async def has_unassigned(coordinator: Any, topics: AbstractSet[str]) -> bool | None:
    """Returns whether a partition of these topics is assigned to no member of the group; None if that cannot
    be told now.

    A static member that comes back gets the assignment that there was, without a rebalance: also if it now
    subscribes to one topic more, or if a topic has got partitions meanwhile. Nobody else may notice.
    """
    try:
        answer = await coordinator._send_req(DescribeGroupsRequest([coordinator.group_id]))
    except KafkaError:
        return None
    ((code, _, state, _, _, members, *_),) = answer.groups
    if code or state != "Stable":
        return None
    assigned = {
        tuple(partition)
        for *_, assignment in members
        for partition in ConsumerProtocol.ASSIGNMENT.decode(assignment).partitions()
    }
    cluster = coordinator._client.cluster
    return any(
        (topic, partition) not in assigned
        for topic in topics
        for partition in cluster.partitions_for_topic(topic) or ()
    )
