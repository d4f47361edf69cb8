"""Pauses and resumes vendors while no worker of the group runs: the next workers find it with the offsets."""

import asyncio
from collections.abc import Callable
from functools import partial

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import TopicAuthorizationFailedError, UnknownTopicOrPartitionError

from app.engine import CommitNote, GroupInUse, paused_note, read_commits, resumed_note, write_commits
from app.errors import CommandFailed
from app.group_admin import ask_group
from app.settings import Settings
from app.topics import topic_called

Change = Callable[[CommitNote], CommitNote | None]
"""Returns the note in place of another one; None if that stays, and its partition does not count."""


def pause_idle(settings: Settings, name: str, reason: str) -> int:
    """Returns the number of partitions of a vendor's topic, or of the canonical topic (`events`), when all of
    them are paused in the group's commits. One that is paused already keeps its reason.

    A partition without a commit gets one, at the beginning of its log. Raises VendorNotRead; CommandFailed if
    the topic does not exist, if the group has members, or if a broker refuses; and BrokerUnreachable.
    """
    return _change(settings, name, partial(paused_note, reason=reason))


def resume_idle(settings: Settings, name: str) -> int:
    """Returns the number of partitions that were paused, when they no longer are. Raises as `pause_idle`."""
    return _change(settings, name, resumed_note)


def _change(settings: Settings, name: str, change: Change) -> int:
    group, topic = settings.app_id, topic_called(settings, name)

    async def ask(admin: AIOKafkaAdminClient) -> int:
        try:
            commits = await read_commits(admin, group, topic)
            changed = {
                number: (offset, new)
                for number, (offset, note) in commits.items()
                if (new := change(note)) is not None
            }
            if changed:
                await write_commits(admin, group, topic, changed)
        except UnknownTopicOrPartitionError:
            raise CommandFailed(f"topic {topic} does not exist") from None
        except TopicAuthorizationFailedError:
            raise CommandFailed(f"not authorized to read topic {topic}: READ on it is missing") from None
        return len(changed)

    try:
        return asyncio.run(ask_group(settings, ask, "read"))
    except GroupInUse:
        raise CommandFailed(
            f"group {group} has members: ask the workers, with --url for each, or wait until they have left"
        ) from None
