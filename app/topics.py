"""Rollcall's topics: which there must be, what they are made like, and what is there.

Checked before the worker joins its group, because a client that subscribes to a missing topic looks
ready and sees nothing of it for minutes after somebody has made it (lane.md, section 2).
"""

import asyncio
import logging
import time
from collections.abc import Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, Final, Literal

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
from msgspec import Struct

import app.aiokafka_patches  # noqa: F401 - a look at a topic must not create it
from app.settings import Settings
from app.vendors import VENDORS

# What the contract bounds: a row stays below 1 MiB, and an event carries no more than a row does, and beside
# it earlier values of the same claims (`previous`) and each id a few times.
ROW_BYTES: Final = 2 << 20
EVENT_BYTES: Final = 4 << 20
# A dead letter carries a foreign record, of which only its topic's limit is known: by default 4 MiB, of a
# topic that somebody else made any size. Of a larger one the letter has the beginning. It is also the
# largest batch of both producers, as both write dead letters.
LETTER_BYTES: Final = 16 << 20

_HOUR_MS: Final = 3_600_000
_DAY_MS: Final = 24 * _HOUR_MS
# How rows of a changelog go (docs/guarantees.md says what follows for deleted users).
ROW_LIFE: Final[Mapping[str, str]] = {
    # A row that a paused worker wrote over a newer one is healed within a minute; until then compaction
    # must not have removed the newer one (lane.md, section 4).
    "min.compaction.lag.ms": str(_HOUR_MS),
    # By default Kafka compacts when half of a log is old, in a quiet log never: what a deletion has removed
    # from a row would stay in the log without any bound of time.
    "max.compaction.lag.ms": str(7 * _DAY_MS),
    # Kafka never compacts the segment that it writes: it has to be closed well before that.
    "segment.ms": str(_DAY_MS),
    # A consumer that is behind by less than this sees every tombstone.
    "delete.retention.ms": str(7 * _DAY_MS),
    # By size, too: with Kafka's default of 1 GiB a restart would read up to that much of old rows a
    # partition. It has to take the largest row.
    "segment.bytes": str(16 * ROW_BYTES),
}

# Dead letters are stamped with the time of writing, by the worker's clock: that it is wrong must not make
# the topic refuse them.
ANY_TIMESTAMP: Final = {"message.timestamp.after.max.ms": str((1 << 63) - 1)}

# Kafka's batch header takes 61 bytes, a record's own fields up to 21, a header's lengths up to 10.
_BATCH_OVERHEAD: Final = 100
_HEADER_OVERHEAD: Final = 10

KAFKA_DEFAULT_BYTES: Final = 1_048_588
# Without these a topic does not do its work; without the others it does it less well, and the check warns.
_ESSENTIAL: Final = frozenset({"cleanup.policy", "max.message.bytes", "retention.ms"})
_RETRY_SECONDS: Final = 0.5
_SETTLE_SECONDS: Final = 10.0
# Managed clusters have policies of their own.
_REFUSED_CONFIGS: Final = frozenset({InvalidConfigurationError.errno, PolicyViolationError.errno})

logger = logging.getLogger(__name__)


class TopicsError(Exception):
    """One line that says what is wrong with which topic, and the command that mends it."""


class BrokerUnreachable(Exception):
    """No broker answered in time; one line."""


Role = Literal["vendor", "canonical", "dead_letter", "changelog"]


class Topic(Struct, frozen=True):
    """A topic as it has to be. `fixed` partition counts are part of the contract; where it is False
    the topic is a producer's, and any number will do. `configs`: what else it is created with."""

    name: str
    partitions: int
    cleanup: str
    fixed: bool
    role: Role
    configs: dict[str, str] = {}


class Found(Struct, frozen=True):
    """A topic as it is. `largest_record`: its `max.message.bytes`. `configs`: all its settings by Kafka's
    names. `problem`: why something of it is unknown, one line; with 0 partitions nothing of it is known,
    else its settings are not."""

    partitions: int
    cleanup: str
    largest_record: int
    configs: dict[str, str] = {}
    replicas: int = 1
    problem: str = ""


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
    room = min(max(4 * settings.max_record_bytes, KAFKA_DEFAULT_BYTES), (1 << 31) - 1)
    body_configs = {"max.message.bytes": str(room)}
    vendor_topics = [
        Topic(settings.topic_of(vendor), settings.partitions_vendor, "delete", False, "vendor", body_configs)
        for vendor in VENDORS
    ]
    count = settings.partitions_events
    events = {"max.message.bytes": str(EVENT_BYTES), **_retention(settings.events_retention)}
    letters = {"max.message.bytes": str(LETTER_BYTES), **_retention(settings.dead_letter_retention)}
    rows = {"max.message.bytes": str(ROW_BYTES), **ROW_LIFE}
    return [
        *vendor_topics,
        Topic(settings.topic_events, count, "delete", True, "canonical", events),
        Topic(settings.topic_dead_letter, count, "delete", False, "dead_letter", letters | ANY_TIMESTAMP),
        *(Topic(name, count, "compact", True, "changelog", rows) for name in settings.changelogs),
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
        found = await _describe_settled(admin, topics, frozenset())
        missing = [topic for topic in topics if topic.name not in found]
        if missing and create:
            await _create(admin, missing, settings.replication_factor)
            found = await _describe_settled(admin, topics, {topic.name for topic in missing})
    except KafkaError as error:
        raise TopicsError(f"the broker refused: {type(error).__name__}") from None
    else:
        return found
    finally:
        await admin.close()


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


async def _describe_settled(
    admin: AIOKafkaAdminClient, topics: Sequence[Topic], created: AbstractSet[str]
) -> dict[str, Found]:
    """The topics that are there. A topic that was just created is not at once in every broker's metadata,
    and has no leader for a moment; that is waited for up to 10 s."""
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
    found = {}
    for topic in topics:
        code = codes.get(topic.name, UnknownTopicOrPartitionError.errno)
        if code not in (0, UnknownTopicOrPartitionError.errno):
            found[topic.name] = Found(0, "unknown", 0, problem=_not_described(topic, code))
    described = {each["topic"]: each["partitions"] for each in answers if each["error_code"] == 0}
    return found | await _with_configs(admin, described)


async def _with_configs(
    admin: AIOKafkaAdminClient, described: Mapping[str, list[dict[str, Any]]]
) -> dict[str, Found]:
    if not described:
        return {}
    resources = [ConfigResource(ConfigResourceType.TOPIC, name) for name in described]
    found = {}
    for response in await admin.describe_configs(resources):
        for code, _message, _type, name, entries in response.resources:
            partitions = described[name]
            replicas = min(len(partition["replicas"]) for partition in partitions)
            configs = {entry[0]: entry[1] for entry in entries if entry[1] is not None}
            found[name] = Found(
                len(partitions),
                configs.get("cleanup.policy", "unknown" if code else "delete"),
                int(configs.get("max.message.bytes", KAFKA_DEFAULT_BYTES)),
                configs,
                replicas,
                _no_configs(name, code) if code else "",
            )
    return found


_RIGHTS: Final[Mapping[Role, str]] = {
    "vendor": "READ",
    "canonical": "READ and WRITE",
    "dead_letter": "WRITE",
    "changelog": "READ and WRITE",
}


def _not_described(topic: Topic, code: int) -> str:
    if code != TopicAuthorizationFailedError.errno:
        return f"topic {topic.name} could not be described: the broker answered {_error_name(code)}"
    return (
        f"not authorized to describe topic {topic.name} (it may be missing, too): a worker needs"
        f" {_RIGHTS[topic.role]} on it, a check DESCRIBE, and both DESCRIBE_CONFIGS"
    )


def _no_configs(name: str, code: int) -> str:
    if code != TopicAuthorizationFailedError.errno:
        return f"the settings of topic {name} could not be read: the broker answered {_error_name(code)}"
    return f"not authorized to read the settings of topic {name}: DESCRIBE_CONFIGS on it is missing"


def _error_name(code: int) -> str:
    return f"{for_code(code).__name__} [{code}]"


async def _create(admin: AIOKafkaAdminClient, topics: Sequence[Topic], replicas: int) -> None:
    for topic in topics:
        configs = {"cleanup.policy": topic.cleanup, **topic.configs}
        code, message = await _create_one(admin, topic, replicas, configs)
        refused = message
        for kept in _less(topic):
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


def _less(topic: Topic) -> list[AbstractSet[str]]:
    """With which settings a topic is created if the cluster refuses all of them together, in this order."""
    if topic.role == "dead_letter":
        # Managed clusters take 8 MiB, or 20; with their own limit the largest letters are shortened.
        return [_ESSENTIAL, _ESSENTIAL - {"max.message.bytes"}]
    return [_ESSENTIAL]


async def _create_one(
    admin: AIOKafkaAdminClient, topic: Topic, replicas: int, configs: Mapping[str, str]
) -> tuple[int, str]:
    """The broker's error code, and its text on one line."""
    new = NewTopic(topic.name, topic.partitions, replicas, topic_configs=dict(configs))
    try:
        response = await admin.create_topics([new])
    except TopicAlreadyExistsError as error:
        return error.errno, ""
    ((_name, code, *message),) = response.topic_errors
    return code, " ".join(str(message[0]).split()) if message and message[0] else _error_name(code)
