"""Removes a static member from its group. aiokafka has no call for it, and a static member that ends does not
leave by itself."""

from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import UnknownMemberIdError, for_code
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import Array, Int16, Int32, Schema, String

_ANY_MEMBER_ID: Final = ""
"""With it the coordinator takes the member that has the instance id now."""


class _LeaveGroupResponse(Response):
    API_KEY = 13
    API_VERSION = 3
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        ("error_code", Int16),
        (
            "members",
            Array(
                ("member_id", String("utf-8")),
                ("group_instance_id", String("utf-8")),
                ("error_code", Int16),
            ),
        ),
    )


class _LeaveGroupStruct(RequestStruct):
    API_KEY = 13
    API_VERSION = 3
    RESPONSE_TYPE = _LeaveGroupResponse
    SCHEMA = Schema(
        ("group", String("utf-8")),
        (
            "members",
            Array(("member_id", String("utf-8")), ("group_instance_id", String("utf-8"))),
        ),
    )


class _LeaveGroupRequest(Request[_LeaveGroupStruct]):
    """Version 3, which brokers know since 2.4. aiokafka's own request has no instance id: it ends with
    version 1."""

    API_KEY = 13

    def __init__(self, group: str, instance: str) -> None:
        self.group = group
        self.instance = instance

    def build(self, request_struct_class: type[_LeaveGroupStruct]) -> _LeaveGroupStruct:
        """Returns the request as it is sent. aiokafka calls this."""
        return request_struct_class(self.group, [(_ANY_MEMBER_ID, self.instance)])


async def leave_group(admin: AIOKafkaAdminClient, group: str, instance: str) -> bool:
    """Returns whether a static member was removed; False if the group has none with this instance id.

    The other members then share its partitions at once. If the member is alive it joins again, so this harms
    nothing but costs two rebalances. Raises KafkaError: GroupAuthorizationFailedError without the right READ
    on the group, a retriable one while there is no coordinator.
    """
    coordinator = await admin.find_coordinator(group)
    answer = await admin._send_request_to_node(coordinator, _LeaveGroupRequest(group, instance))
    codes = {answer.error_code, *(member[2] for member in answer.members)} - {0}
    if UnknownMemberIdError.errno in codes:
        return False
    for code in codes:
        raise for_code(code)
    return True
