"""Describes the topics on a broker, and creates missing ones.

A worker does this before it joins its group. A client that subscribes to a missing topic looks ready, but
does not read the topic until minutes after it was created (docs/design.md#topics-first).
"""

import asyncio
import logging
import time
from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from typing import Any, Final

import msgspec
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import (
    InvalidConfigurationError,
    KafkaError,
    LeaderNotAvailableError,
    PolicyViolationError,
    TopicAlreadyExistsError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
    for_code,
)

from app.admin_client import AWAY, admin_client, connect, unreachable
from app.engine import topic_rights
from app.errors import TopicsError
from app.settings import Settings
from app.topics import KAFKA_DEFAULT_BYTES, NEEDED_RIGHTS, TopicDescription, TopicSpec, expected_topics

# Without these settings a topic does not work as it has to. Without the others it works less well, and the
# check warns of that.
_ESSENTIAL: Final = frozenset({"cleanup.policy", "max.message.bytes", "retention.ms"})
_RETRY_SECONDS: Final = 0.5
_SETTLE_SECONDS: Final = 10.0
_DESCRIBE_SECONDS: Final = 30.0
# With these codes a managed cluster refuses settings that its policy does not allow.
_REFUSED_CONFIGS: Final = frozenset({InvalidConfigurationError.errno, PolicyViolationError.errno})

logger = logging.getLogger(__name__)


async def prepare_topics(
    settings: Settings, *, create: bool, topics: Sequence[TopicSpec] | None = None
) -> dict[str, TopicDescription]:
    """Returns the expected topics that exist, by name. If `create` is true, missing ones are created first. A
    topic that could not be described is returned too, with a `problem`. `topics`: None for all topics that a
    worker needs.

    Waits up to `settings.broker_wait` seconds for a broker, also if it goes away between two requests. Raises
    BrokerUnreachable if none answers, AccessRefused if one does not let this client in, and TopicsError if a
    broker refuses a request.
    """
    deadline = time.monotonic() + settings.broker_wait
    expected = expected_topics(settings) if topics is None else topics
    while True:
        admin = await connect(settings, deadline)
        try:
            return await _prepare(admin, expected, settings.replication_factor, create=create)
        except AWAY:
            if time.monotonic() >= deadline:
                raise await unreachable(settings, settings.broker_wait) from None
        except KafkaError as error:
            raise TopicsError(f"the broker refused: {type(error).__name__}") from None
        finally:
            await admin.close()
        await asyncio.sleep(_RETRY_SECONDS)


async def _prepare(
    admin: AIOKafkaAdminClient, expected: Sequence[TopicSpec], replicas: int, *, create: bool
) -> dict[str, TopicDescription]:
    topics = await _describe_settled(admin, expected, frozenset())
    missing = [topic for topic in expected if topic.name not in topics]
    if missing and create:
        await _create(admin, missing, replicas)
        topics = await _describe_settled(admin, expected, {topic.name for topic in missing})
    rights = await topic_rights(admin, list(topics))
    return {
        name: msgspec.structs.replace(described, rights=rights.get(name))
        for name, described in topics.items()
    }


async def describe_topics(settings: Settings) -> dict[str, TopicDescription]:
    """Returns the expected topics that exist, by name, as `prepare_topics` does. It creates none, and waits
    for no broker.

    Raises BrokerUnreachable if no broker answers, AccessRefused if one does not let this client in, and
    TopicsError if a broker refuses a request.
    """
    admin = admin_client(settings)
    try:
        async with asyncio.timeout(_DESCRIBE_SECONDS):
            await admin.start()
            return await _describe_settled(admin, expected_topics(settings), frozenset())
    except AWAY:
        raise await unreachable(settings) from None
    except KafkaError as error:
        raise TopicsError(f"the broker refused: {type(error).__name__}") from None
    finally:
        await admin.close()


async def _describe_settled(
    admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], created: AbstractSet[str]
) -> dict[str, TopicDescription]:
    """Returns those of the topics that exist, by name. Waits up to 10 s for the topics of `created`: a topic
    that was just created is not in every broker's metadata yet, and has no leader for a moment."""
    deadline = time.monotonic() + _SETTLE_SECONDS
    while True:
        answers = await admin.describe_topics([topic.name for topic in topics])
        codes = {answer["topic"]: answer["error_code"] for answer in answers}
        absent = {name for name in created if codes.get(name) == UnknownTopicOrPartitionError.errno}
        if not absent and LeaderNotAvailableError.errno not in codes.values():
            break
        if time.monotonic() > deadline:
            break
        await asyncio.sleep(0.1)
    undescribed = {}
    for topic in topics:
        code = codes.get(topic.name, UnknownTopicOrPartitionError.errno)
        if code not in (0, UnknownTopicOrPartitionError.errno):
            undescribed[topic.name] = TopicDescription(0, "unknown", 0, problem=_not_described(topic, code))
    partitions_of = {each["topic"]: each["partitions"] for each in answers if each["error_code"] == 0}
    return undescribed | await _with_configs(admin, partitions_of)


async def _with_configs(
    admin: AIOKafkaAdminClient, partitions_of: Mapping[str, list[dict[str, Any]]]
) -> dict[str, TopicDescription]:
    if not partitions_of:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions_of]
    described = {}
    for response in await admin.describe_configs(resources):
        for code, _message, _type, name, entries in response.resources:
            partitions = partitions_of[name]
            replicas = min(len(partition["replicas"]) for partition in partitions)
            configs = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
            described[name] = TopicDescription(
                len(partitions),
                configs.get("cleanup.policy", "unknown" if code else "delete"),
                int(configs.get("max.message.bytes", KAFKA_DEFAULT_BYTES)),
                configs,
                replicas,
                _no_configs(name, code) if code else "",
            )
    return described


def _not_described(topic: TopicSpec, code: int) -> str:
    if code != TopicAuthorizationFailedError.errno:
        return f"topic {topic.name} could not be described: the broker answered {_error_name(code)}"
    return (
        f"not authorized to describe topic {topic.name} (it may be missing, too): a worker needs"
        f" {' and '.join(NEEDED_RIGHTS[topic.role])} on it, a check DESCRIBE, and both DESCRIBE_CONFIGS"
    )


def _no_configs(name: str, code: int) -> str:
    if code != TopicAuthorizationFailedError.errno:
        return f"the settings of topic {name} could not be read: the broker answered {_error_name(code)}"
    return f"not authorized to read the settings of topic {name}: DESCRIBE_CONFIGS on it is missing"


def _error_name(code: int) -> str:
    return f"{for_code(code).__name__} [{code}]"


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[TopicSpec], replicas: int) -> None:
    for topic in topics:
        configs = {"cleanup.policy": topic.cleanup, **topic.configs}
        code, message = await _create_one(admin, topic, replicas, configs)
        refused = message
        for kept in _fewer_settings(topic):
            if code not in _REFUSED_CONFIGS or not (left_out := sorted(configs.keys() - kept)):
                continue
            fewer = {name: value for name, value in configs.items() if name in kept}
            code, message = await _create_one(admin, topic, replicas, fewer)
            if code == 0:
                without = ", ".join(left_out)
                logger.warning("created topic %s without %s: %s", topic.name, without, refused)
        if code == TopicAlreadyExistsError.errno:
            continue
        if code:
            raise TopicsError(f"topic {topic.name} could not be created: {message}")
        logger.info("created topic %s", topic.name)


def _fewer_settings(topic: TopicSpec) -> list[AbstractSet[str]]:
    """Returns which settings are kept, in the order of the attempts, if the cluster refuses the topic with
    all of them."""
    if topic.role == "dead_letter":
        # Some managed clusters accept at most 8 MiB, others 20. With their own limit the largest dead letters
        # are truncated, which is better than no topic.
        return [_ESSENTIAL, _ESSENTIAL - {"max.message.bytes"}]
    return [_ESSENTIAL]


async def _create_one(
    admin: AIOKafkaAdminClient, topic: TopicSpec, replicas: int, configs: Mapping[str, str]
) -> tuple[int, str]:
    """Returns the broker's error code, 0 if the topic is created, and the broker's text in one line."""
    new = NewTopic(topic.name, topic.partitions, replicas, topic_configs=dict(configs))
    try:
        response = await admin.create_topics([new])
    except TopicAlreadyExistsError as error:
        return error.errno, ""
    ((_name, code, *message),) = response.topic_errors
    return code, " ".join(str(message[0]).split()) if message and message[0] else _error_name(code)
