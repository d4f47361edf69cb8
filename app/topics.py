"""Rollcall's topics: which there must be, what they are made like, and what is there.

Checked before the worker joins its group, because a client that subscribes to a missing topic looks
ready and sees nothing of it for minutes after somebody has made it (lane.md, section 2).
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError
from msgspec import Struct

from app.settings import Settings
from app.vendors import VENDORS

# An event can be some times as large as its body: the id stands in it four times, escaped. A row can
# be as large as all partial events about a user together. Both are bounded by `max_record_bytes`,
# and neither bound is ever met but by somebody who tries.
EVENT_BYTES: Final = 16 << 20
ROW_BYTES: Final = 64 << 20
# A row that a paused worker wrote over a newer one is healed within a minute; until then compaction
# must not have removed the newer one (lane.md, section 4).
MIN_COMPACTION_LAG_MS: Final = 3_600_000

# Kafka never compacts the segment that it writes: with its default of 1 GiB a restart would read up to
# that much of old rows a partition. It has to take the largest row.
ROW_SEGMENT_BYTES: Final = 2 * ROW_BYTES

# Dead letters are stamped with the time of writing, by the worker's clock: that it is wrong must not make
# the topic refuse them.
ANY_TIMESTAMP: Final = {"message.timestamp.after.max.ms": str((1 << 63) - 1)}

# Kafka's batch header takes 61 bytes, a record's own fields up to 21, a header's lengths up to 10.
_BATCH_OVERHEAD: Final = 100
_HEADER_OVERHEAD: Final = 10

_KAFKA_DEFAULT_BYTES: Final = 1_048_588
_RETRY_SECONDS: Final = 0.5

logger = logging.getLogger(__name__)


class TopicsError(Exception):
    """One line that says what is wrong with which topic, and the command that mends it."""


class BrokerUnreachable(Exception):
    """No broker answered in time; one line."""


class Topic(Struct, frozen=True):
    """A topic as it has to be. `fixed` partition counts are part of the contract; where it is False
    the topic is a producer's, and any number will do."""

    name: str
    partitions: int
    cleanup: str
    fixed: bool
    configs: dict[str, str] = {}


class Found(Struct, frozen=True):
    """A topic as it is. `largest_record`: its `max.message.bytes`."""

    partitions: int
    cleanup: str
    largest_record: int


class Target(Struct, frozen=True):
    """A topic that the worker writes: its size and what can be written to it.

    The one judge of a record's size. `largest_record`: bytes of a batch of its own, the smaller of what the
    topic takes and what our producer sends.
    """

    topic: str
    partitions: int
    largest_record: int

    def takes(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]] = ()
    ) -> bool:
        """Whether a record of this size can be written, as a batch of its own."""
        return len(key or b"") + len(value or b"") <= self.room(headers)

    def room(self, headers: Sequence[tuple[str, bytes | None]]) -> int:
        """What key and value of a record with these headers may have together, in bytes."""
        return self.largest_record - _BATCH_OVERHEAD - sum(map(self.size_of, headers))

    @staticmethod
    def size_of(header: tuple[str, bytes | None]) -> int:
        """At most so many bytes does a header add to a record."""
        name, text = header
        return len(name.encode()) + len(text or b"") + _HEADER_OVERHEAD


def target(settings: Settings, name: str, found: Mapping[str, Found] | None) -> Target:
    """What is known of the topic; without a look at the broker, what Rollcall creates it like."""
    topic = next(topic for topic in expected_topics(settings) if topic.name == name)
    # Our producer sends what our own topics take, and no more to a topic that takes more.
    sent = int(topic.configs["max.message.bytes"])
    if found is None:
        return Target(name, topic.partitions, sent)
    return Target(name, found[name].partitions, min(found[name].largest_record, sent))


def expected_topics(settings: Settings) -> list[Topic]:
    """Vendor topics first, then the canonical topic, the dead letters and both changelogs."""
    # Room for what is over the limit: it is to become a dead letter, not a producer's error.
    room = min(max(4 * settings.max_record_bytes, _KAFKA_DEFAULT_BYTES), (1 << 31) - 1)
    body_configs = {"max.message.bytes": str(room)}
    vendor_topics = [
        Topic(
            settings.topic_of(vendor), settings.partitions_vendor, "delete", fixed=False, configs=body_configs
        )
        for vendor in VENDORS
    ]
    count = settings.partitions_events
    event_configs = {"max.message.bytes": str(EVENT_BYTES), **_retention(settings.events_retention)}
    dead_letter_configs = {
        "max.message.bytes": str(EVENT_BYTES),
        **_retention(settings.dead_letter_retention),
    }
    row_configs = {
        "max.message.bytes": str(ROW_BYTES),
        "min.compaction.lag.ms": str(MIN_COMPACTION_LAG_MS),
        "segment.bytes": str(ROW_SEGMENT_BYTES),
    }
    return [
        *vendor_topics,
        Topic(settings.topic_events, count, "delete", fixed=True, configs=event_configs),
        Topic(
            settings.topic_dead_letter,
            count,
            "delete",
            fixed=False,
            configs=dead_letter_configs | ANY_TIMESTAMP,
        ),
        *(Topic(name, count, "compact", fixed=True, configs=row_configs) for name in settings.changelogs),
    ]


def _retention(seconds: float) -> dict[str, str]:
    return {"retention.ms": str(round(seconds * 1000))}


async def prepare_topics(settings: Settings, *, create: bool) -> dict[str, Found]:
    """What is there of the expected topics, after creating the missing ones if `create`.

    Waits up to `settings.broker_wait` seconds for a broker. Raises BrokerUnreachable and TopicsError.
    """
    admin = await _connect(settings)
    try:
        topics = expected_topics(settings)
        found = await _describe(admin, topics)
        missing = [topic for topic in topics if topic.name not in found]
        if missing and create:
            await _create(admin, missing, settings.replication_factor)
            found = await _describe_created(admin, topics)
    except KafkaError as error:
        raise TopicsError(f"the broker refused: {type(error).__name__}") from None
    else:
        return found
    finally:
        await admin.close()


def check_topics(settings: Settings, found: Mapping[str, Found]) -> None:
    """Raises TopicsError for what is missing or is not what the contract needs."""
    topics = expected_topics(settings)
    if missing := [topic.name for topic in topics if topic.name not in found]:
        raise TopicsError(
            f"missing topics: {', '.join(missing)}; create them with `rollcall topics --create`"
            " or set TOPICS_CREATE=true"
        )
    for topic in topics:
        if problem := _mismatch(topic, found[topic.name]):
            raise TopicsError(f"topic {topic.name} {problem}")


def _mismatch(topic: Topic, found: Found) -> str | None:
    if topic.fixed and found.partitions != topic.partitions:
        return (
            f"has {found.partitions} partitions, not {topic.partitions}: set PARTITIONS_EVENTS to what"
            " the canonical topic and both changelogs have, or recreate it with"
            f" `kafka-topics.sh --create --topic {topic.name} --partitions {topic.partitions}"
            f" --config cleanup.policy={topic.cleanup}`"
        )
    if topic.fixed and topic.cleanup not in found.cleanup.split(","):
        return (
            f"has cleanup.policy={found.cleanup}, not {topic.cleanup}: change it with"
            f" `kafka-configs.sh --alter --topic {topic.name} --add-config cleanup.policy={topic.cleanup}`"
        )
    return None


async def _connect(settings: Settings) -> AIOKafkaAdminClient:
    deadline = time.monotonic() + settings.broker_wait
    waiting = False
    while True:
        admin = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap, request_timeout_ms=10_000)
        try:
            with _quiet_client():
                await admin.start()
        except (KafkaError, OSError, ValueError):
            await admin.close()
            if time.monotonic() >= deadline:
                raise BrokerUnreachable(
                    f"no broker answered at {settings.bootstrap} within {settings.broker_wait:g} s"
                ) from None
        else:
            return admin
        if not waiting:
            waiting = True
            logger.info("waiting for the broker at %s", settings.bootstrap)
        await asyncio.sleep(_RETRY_SECONDS)


@contextmanager
def _quiet_client() -> Iterator[None]:
    """That nobody answers is said once by us, not at each attempt by aiokafka."""
    client = logging.getLogger("aiokafka")
    before = client.level
    client.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        client.setLevel(before)


async def _describe(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, Found]:
    descriptions = await admin.describe_topics([topic.name for topic in topics])
    partitions = {each["topic"]: len(each["partitions"]) for each in descriptions if each["error_code"] == 0}
    if not partitions:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in partitions]
    configs = _configs(await admin.describe_configs(resources))
    return {
        name: Found(
            count,
            configs.get(name, {}).get("cleanup.policy", "delete"),
            int(configs.get(name, {}).get("max.message.bytes", 1_048_588)),
        )
        for name, count in partitions.items()
    }


def _configs(responses: list[Any]) -> dict[str, dict[str, str]]:
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for response in responses
        for resource in response.resources
    }


async def _create(admin: AIOKafkaAdminClient, topics: list[Topic], replicas: int) -> None:
    for topic in topics:
        configs = {"cleanup.policy": topic.cleanup, **topic.configs}
        new = NewTopic(topic.name, topic.partitions, replicas, topic_configs=configs)
        try:
            response = await admin.create_topics([new])
        except TopicAlreadyExistsError:
            continue
        for name, code, *message in response.topic_errors:
            if code not in (0, TopicAlreadyExistsError.errno):
                raise TopicsError(f"topic {name} could not be created: {message[0] if message else code}")
        logger.info("created topic %s", topic.name)


async def _describe_created(admin: AIOKafkaAdminClient, topics: list[Topic]) -> dict[str, Found]:
    """A topic that was just created is not at once in every broker's metadata."""
    deadline = time.monotonic() + 10
    while True:
        found = await _describe(admin, topics)
        if len(found) == len(topics) or time.monotonic() > deadline:
            return found
        await asyncio.sleep(0.1)
