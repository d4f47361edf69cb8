"""The offsets that a command keeps in a group of its own, and what the group of the workers has committed."""

from collections.abc import Iterable, Mapping
from typing import Final

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, for_code

from app.engine import CommitNote, GroupInUse, LogPartition, committed_offsets, write_commits
from app.errors import CommandFailed
from app.group_admin import ask_group
from app.settings import Settings

Offsets = dict[LogPartition, int]

_MEMBERS: Final = 5
"""The place of the members in an answer about a group."""


class Positions:
    """How far a command has come, in a group that has no members. Brokers keep it for seven days by default;
    after that the command begins again, which changes nothing but the time that it takes."""

    def __init__(self, settings: Settings, group: str, purpose: str) -> None:
        """`purpose`: what all runs with this group must have in common, in one line."""
        self.group = group
        self._settings = settings
        self._note = CommitNote(reason=purpose)

    async def read(self, logs: Iterable[LogPartition]) -> Offsets:
        """Returns the next offset of those logs of which one is kept. Raises CommandFailed if an earlier run
        had another purpose."""
        found = await _commits(self._settings, self.group, logs)
        if others := {note for _, note in found.values()} - {self._note.encode()}:
            told = min(others).partition(": ")[2]
            raise CommandFailed(f"group {self.group} is of a run with other arguments ({told})")
        return {log: offset for log, (offset, _) in found.items()}

    async def write(self, offsets: Mapping[LogPartition, int]) -> None:
        """Keeps the next offsets. Everything before them must be acknowledged."""
        await commit(self._settings, self.group, offsets, self._note)


async def committed_of(settings: Settings, group: str, logs: Iterable[LogPartition]) -> Offsets:
    """Returns what a group has committed; logs without a commit are left out."""
    return {log: offset for log, (offset, _) in (await _commits(settings, group, logs)).items()}


async def _commits(
    settings: Settings, group: str, logs: Iterable[LogPartition]
) -> dict[LogPartition, tuple[int, str]]:
    """Returns offsets and their notes."""
    wanted = set(logs)

    # aiokafka's own call takes a coordinator that is loading, and a missing right, for a group without
    # commits.
    async def ask(admin: AIOKafkaAdminClient) -> dict[LogPartition, tuple[int, str]]:
        found = {}
        for topic in {log.topic for log in wanted}:
            for number, commit in (await committed_offsets(admin, group, topic)).items():
                found[LogPartition(topic, number)] = commit
        return {log: commit for log, commit in found.items() if log in wanted}

    return await ask_group(settings, ask, "read", group) if wanted else {}


async def members_of(settings: Settings, group: str) -> int:
    """Returns how many members a group has: 0 if it does not exist."""

    async def ask(admin: AIOKafkaAdminClient) -> int:
        (answer,) = await admin.describe_consumer_groups([group])
        (described,) = answer.groups
        if described[0]:
            error: type[KafkaError] = for_code(described[0])
            raise error
        return len(described[_MEMBERS])

    return await ask_group(settings, ask, "read", group)


async def commit(
    settings: Settings,
    group: str,
    offsets: Mapping[LogPartition, int],
    note: CommitNote = CommitNote(),  # noqa: B008 - immutable
) -> None:
    """Commits offsets for a group without members. Raises CommandFailed if it has some."""
    by_topic: dict[str, dict[int, tuple[int, CommitNote]]] = {}
    for log, offset in offsets.items():
        by_topic.setdefault(log.topic, {})[log.partition] = offset, note

    async def ask(admin: AIOKafkaAdminClient) -> None:
        for topic, commits in by_topic.items():
            await write_commits(admin, group, topic, commits)

    try:
        await ask_group(settings, ask, "read", group)
    except GroupInUse:
        raise CommandFailed(f"group {group} has members: stop them first") from None
