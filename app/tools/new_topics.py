"""Topics that a command makes beside those of the workers, such as a second canonical topic."""

import msgspec

from app.errors import CommandFailed
from app.settings import Name, Settings
from app.topic_admin import prepare_topics
from app.topics import TopicSpec, expected_topics
from app.vendors import VENDORS


def new_canonical_topic(settings: Settings, name: str) -> TopicSpec:
    """Returns a topic that is created like the canonical one. Raises CommandFailed if the name is none of a
    topic, or that of a topic of the workers."""
    try:
        msgspec.convert(name, Name)
    except msgspec.ValidationError:
        raise CommandFailed("a topic's name has 1 to 249 letters, digits, dots, `_` and `-`") from None
    if name in {topic.name for topic in expected_topics(settings)} | {*map(settings.topic_of, VENDORS)}:
        raise CommandFailed(f"{name} is a topic of the workers: name a new one")
    (canonical,) = (topic for topic in expected_topics(settings) if topic.role == "canonical")
    return msgspec.structs.replace(canonical, name=name)


async def make_topic(settings: Settings, topic: TopicSpec) -> None:
    """Creates the topic if it does not exist.

    Raises CommandFailed if one of this name has another cleanup policy or number of partitions; TopicsError
    if a broker refuses to create it; BrokerUnreachable and AccessRefused.
    """
    described = (await prepare_topics(settings, create=True, topics=[topic]))[topic.name]
    if described.problem:
        raise CommandFailed(described.problem)
    if described.cleanup != topic.cleanup:
        raise CommandFailed(
            f"topic {topic.name} has cleanup.policy={described.cleanup}, not {topic.cleanup}: name a new one"
        )
    check_count(topic.name, described.partitions, topic.partitions)


def check_count(name: str, partitions: int, expected: int) -> None:
    """Raises CommandFailed if a topic has another number of partitions than PARTITIONS_EVENTS says."""
    if partitions != expected:
        raise CommandFailed(
            f"topic {name} has {partitions} partitions, not {expected}: users would be in two partitions"
        )
