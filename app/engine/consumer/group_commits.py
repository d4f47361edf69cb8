"""Reads and changes what a group has committed of a topic, from outside of the group.

Brokers take such a commit only while the group has no members. A member that came and went since the commits
were read may have committed more: then its records are read a second time, and none is lost.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import (
    IllegalGenerationError,
    KafkaError,
    LeaderNotAvailableError,
    RebalanceInProgressError,
    UnknownMemberIdError,
    for_code,
)
from aiokafka.protocol.commit import OffsetCommitRequest, OffsetFetchRequest
from aiokafka.protocol.offset import OffsetRequest
from msgspec.structs import replace

from app.engine.consumer.attempts import LAST
from app.engine.consumer.commit_note import CommitNote, decode_note

Commits = Mapping[int, tuple[int, CommitNote]]
"""By the number of the partition, the offset at which the group goes on, and its note."""

_MEMBERS: Final = (UnknownMemberIdError, IllegalGenerationError, RebalanceInProgressError)
_NOBODY: Final = ""
_EARLIEST: Final = -2
_CLIENT: Final = -1
_NO_LEADER: Final = -1


class GroupInUse(Exception):
    """The group has members, so only they may commit."""


def paused_note(note: CommitNote, reason: str) -> CommitNote:
    """Returns the note with which the next owner of the partition pauses it. A reason that it has stays."""
    return replace(note, reason=note.reason or reason)


def resumed_note(note: CommitNote) -> CommitNote | None:
    """Returns the note with which the next owner begins the partition as if no attempt had died; None if it
    would not pause it anyway."""
    return CommitNote(skip=note.skip) if note.reason or note.attempts >= LAST else None


async def read_commits(admin: AIOKafkaAdminClient, group: str, topic: str) -> Commits:
    """Returns where a group goes on in all partitions of a topic. Of a partition without a commit that is the
    beginning of its log.

    Raises KafkaError: UnknownTopicOrPartitionError if the topic does not exist, GroupAuthorizationFailedError
    and TopicAuthorizationFailedError without a right, a retriable one while a leader or the coordinator is
    away.
    """
    leaders = await _leaders(admin, topic)
    raw = await _committed(admin, group, topic, leaders)
    found = {number: (offset, decode_note(metadata)) for number, (offset, metadata) in raw.items()}
    fresh = {number: leader for number, leader in leaders.items() if number not in found}
    if _NO_LEADER in fresh.values():
        raise LeaderNotAvailableError
    return found | {number: (begin, CommitNote()) for number, begin in await _begins(admin, topic, fresh)}


async def committed_offsets(
    admin: AIOKafkaAdminClient, group: str, topic: str
) -> Mapping[int, tuple[int, str]]:
    """Returns what a group whose notes are not ours has committed of a topic: the offsets and their metadata,
    by the number of the partition. Partitions without a commit are left out. Raises as `read_commits`."""
    return await _committed(admin, group, topic, await _leaders(admin, topic))


async def _leaders(admin: AIOKafkaAdminClient, topic: str) -> Mapping[int, int]:
    (described,) = await admin.describe_topics([topic])
    _check([described["error_code"]])
    return {each["partition"]: each["leader"] for each in described["partitions"]}


async def _committed(
    admin: AIOKafkaAdminClient, group: str, topic: str, numbers: Iterable[int]
) -> Mapping[int, tuple[int, str]]:
    coordinator = await admin.find_coordinator(group)
    request = OffsetFetchRequest(group, [(topic, list(numbers))])
    answer = await admin._send_request_to_node(coordinator, request)
    _check([getattr(answer, "error_code", 0)])
    found: dict[int, tuple[int, str]] = {}
    for number, offset, metadata, code in _partitions(answer):
        _check([code])
        if offset >= 0:
            found[number] = offset, metadata
    return found


async def _begins(
    admin: AIOKafkaAdminClient, topic: str, leaders: Mapping[int, int]
) -> Iterable[tuple[int, int]]:
    """Returns the partitions with the first offsets of their logs. `leaders`: their leaders."""
    numbers: defaultdict[int, list[int]] = defaultdict(list)
    for number, leader in leaders.items():
        numbers[leader].append(number)
    begins = []
    for leader, led in numbers.items():
        asked = OffsetRequest(_CLIENT, 0, [(topic, [(number, _EARLIEST) for number in led])])
        for number, code, _timestamp, offset in _partitions(await admin._send_request_to_node(leader, asked)):
            _check([code])
            begins.append((number, offset))
    return begins


async def write_commits(admin: AIOKafkaAdminClient, group: str, topic: str, commits: Commits) -> None:
    """Commits offsets with their notes. Raises GroupInUse if the group has members, and KafkaError as
    `read_commits`."""
    coordinator = await admin.find_coordinator(group)
    request = OffsetCommitRequest(
        group,
        OffsetCommitRequest.DEFAULT_GENERATION_ID,
        _NOBODY,
        OffsetCommitRequest.DEFAULT_RETENTION_TIME,
        [(topic, [(number, offset, note.encode()) for number, (offset, note) in commits.items()])],
    )
    try:
        answer = await admin._send_request_to_node(coordinator, request)
        _check(code for _number, code in _partitions(answer))
    except _MEMBERS:
        raise GroupInUse from None


def _partitions(answer: Any) -> list[tuple[Any, ...]]:
    return [each for _topic, partitions in answer.topics for each in partitions]


def _check(codes: Iterable[int]) -> None:
    for code in codes:
        if code:
            error: type[KafkaError] = for_code(code)
            raise error
