"""Moves the group of a consumer from an old canonical topic to the new one."""

from collections.abc import Mapping

from app.engine import LogPartition
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.connected import Logs
from app.tools.positions import Positions, commit, committed_of, members_of


async def move_group(settings: Settings, logs: Logs, positions: Positions, group: str, topic: str) -> None:
    """Commits for a group where the new canonical topic ended at the switch. `topic`: the new one.

    Raises CommandFailed if the workers are not switched yet, if the group has members, has not read the old
    topic to its end, or has begun with the new one; and KafkaError.
    """
    targets = [LogPartition(topic, number) for number in range(logs.partitions[topic])]
    switched = await positions.read(targets)
    if not switched:
        raise CommandFailed("the workers are not ready to switch yet: first run it with --continue")
    if members := await members_of(settings, group):
        raise CommandFailed(f"group {group} has {members} members: stop them first")
    old = [LogPartition(settings.topic_events, n) for n in range(logs.partitions[settings.topic_events])]
    begun, ends = await logs.session.beginnings(old), await logs.session.ends(old)
    if left := events_left(await committed_of(settings, group, old), begun, ends):
        raise CommandFailed(
            f"group {group} has {left:,} events of {settings.topic_events} left: let it read them first"
        )
    if await committed_of(settings, group, targets):
        raise CommandFailed(f"group {group} has begun with {topic} already")
    await commit(settings, group, switched)


def events_left(
    committed: Mapping[LogPartition, int],
    begun: Mapping[LogPartition, int],
    ends: Mapping[LogPartition, int],
) -> int:
    """Returns how many records a group has still to read."""
    return sum(max(end - max(committed.get(log, 0), begun[log]), 0) for log, end in ends.items())
