"""The topics that `rebuild` and `repartition` write to: their names, and how they are created."""

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from app.errors import CommandFailed
from app.settings import Name, Settings
from app.topic_admin import prepare_topics
from app.topics import TopicDescription, TopicSpec, expected_topics
from app.vendors import VENDORS

_LONGEST: Final = 249 - len("-repartition")


def with_tables(settings: Settings, name: str) -> Settings:
    """Returns the settings of workers that have the changelogs `NAME-users` and `NAME-loyalty`. Raises
    CommandFailed if these are no names of topics, or topics of the workers."""
    return _replaced(settings, name, topic_users=f"{name}-users", topic_loyalty=f"{name}-loyalty")


def with_partitions(settings: Settings, name: str, partitions: int) -> Settings:
    """Returns the settings of workers that have the canonical topic `NAME-events` and the changelogs
    `NAME-users` and `NAME-loyalty`, with another number of partitions. Raises as `with_tables`."""
    return _replaced(
        settings,
        name,
        topic_events=f"{name}-events",
        topic_users=f"{name}-users",
        topic_loyalty=f"{name}-loyalty",
        partitions_events=partitions,
    )


def _replaced(settings: Settings, name: str, **changes: str | int) -> Settings:
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError:
        name = ""
    if not 0 < len(name) <= _LONGEST:
        raise CommandFailed(f"--into: expected up to {_LONGEST} letters, digits, dots, `_` and `-`")
    changed = msgspec.structs.replace(settings, **changes)
    taken = {topic.name for topic in expected_topics(settings)} | {*map(settings.topic_of, VENDORS)}
    for new in changes.values():
        if new in taken:
            raise CommandFailed(f"{new} is a topic of the workers: choose another name with --into")
    return changed


def new_topics(old: Settings, new: Settings) -> list[TopicSpec]:
    """Returns the topics that workers with the new settings need, and those with the old ones do not."""
    known = {topic.name for topic in expected_topics(old)}
    return [topic for topic in expected_topics(new) if topic.name not in known]


def switch_settings(old: Settings, new: Settings) -> dict[str, str]:
    """Returns the variables of the switch: the settings that differ, by the names of their variables."""
    names = ("topic_events", "topic_users", "topic_loyalty", "partitions_events")
    return {
        name.upper(): str(getattr(new, name)) for name in names if getattr(new, name) != getattr(old, name)
    }


async def existing(settings: Settings, topics: Iterable[TopicSpec]) -> dict[str, TopicDescription]:
    """Returns those of the topics that exist. Raises TopicsError, BrokerUnreachable and AccessRefused."""
    return await prepare_topics(settings, create=False, topics=list(topics))


def refuse_existing(found: Iterable[str]) -> None:
    """Raises CommandFailed if there are such topics already."""
    if told := ", ".join(sorted(found)):
        raise CommandFailed(f"exists already: {told}; go on with --continue, or name others with --into")


async def create(settings: Settings, topics: list[TopicSpec]) -> dict[str, TopicDescription]:
    """Returns the topics by name when they are created.

    Raises CommandFailed if one is not as it has to be; TopicsError if a broker refuses; BrokerUnreachable and
    AccessRefused.
    """
    described = await prepare_topics(settings, create=True, topics=topics)
    check_created(topics, described)
    return described


def check_created(topics: Iterable[TopicSpec], described: Mapping[str, TopicDescription]) -> None:
    """Raises CommandFailed if one of the topics is missing, or not as it is created."""
    for topic in topics:
        if (found := described.get(topic.name)) is None:
            raise CommandFailed(f"topic {topic.name} does not exist: make it without --continue and --check")
        if found.problem:
            raise CommandFailed(found.problem)
        if (found.partitions, found.cleanup) != (topic.partitions, topic.cleanup):
            raise CommandFailed(
                f"topic {topic.name} has {found.partitions} partitions and cleanup.policy={found.cleanup},"
                f" not {topic.partitions} and {topic.cleanup}: choose another name with --into"
            )
