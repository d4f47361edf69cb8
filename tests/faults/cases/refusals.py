"""A broker that refuses writes: on the canonical, the dead-letter and the changelog topics in turn.

What puts a log in doubt ends the workers. What belongs to a record does not: batches that are too large as a
whole are written in parts.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from confluent_kafka.admin import (  # type: ignore[attr-defined]  # its stubs do not re-export them
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)

from app.topics import prepare_topics
from tests.faults.cases.case import Case
from tests.faults.cluster import Cluster, authorising_broker
from tests.faults.failed import CaseFailed
from tests.faults.stage import Stage
from tests.kafka import set_config

_RATE = 2_000
_TIMEOUT = 30.0

Refusal = Callable[[Stage, str], AbstractContextManager[None]]
"""While the block runs the broker refuses what is written to that topic, all of it or what is large."""


def _in_turn(refusal: Refusal, *, ends: bool) -> Callable[[Stage, Cluster, int], None]:
    def play(stage: Stage, _cluster: Cluster, events: int) -> None:
        stage.steady()
        with stage.flow(_RATE, events):
            for topic in _written(stage):
                stage.wait_ready()
                stage.work_left()
                before = _stops(stage)
                with refusal(stage, topic):
                    if ends:
                        _wait_for_stop(stage, before)
                    else:
                        stage.recovered()
                        _no_stop(stage, before)
                stage.recovered()

    return play


def _written(stage: Stage) -> list[str]:
    settings = stage.settings
    return [settings.topic_events, settings.topic_dead_letter, *settings.changelogs]


def _wait_for_stop(stage: Stage, before: int) -> None:
    stage.wait(lambda: _stops(stage) > before, "a worker that protects its data", 60.0)


def _no_stop(stage: Stage, before: int) -> None:
    if _stops(stage) > before:
        raise CaseFailed("a worker ended for a batch of which every record can be written")


def _stops(stage: Stage) -> int:
    return sum(pod.exits.count(70) for pod in stage.pods)


@contextmanager
def _too_large(stage: Stage, topic: str) -> Iterator[None]:
    """Smaller than a batch, and larger than any record of the load."""
    before = set_config(stage.broker, topic, "max.message.bytes", "8192")
    try:
        yield
    finally:
        set_config(stage.broker, topic, "max.message.bytes", before)


@contextmanager
def _unauthorised(stage: Stage, topic: str) -> Iterator[None]:
    admin = _admin(stage)
    rules = [
        AclBinding(
            ResourceType.TOPIC, topic, ResourcePatternType.LITERAL, "User:ANONYMOUS", "*", operation, verdict
        )
        for operation, verdict in (
            (AclOperation.ALL, AclPermissionType.ALLOW),
            (AclOperation.WRITE, AclPermissionType.DENY),
        )
    ]
    for future in admin.create_acls(rules, request_timeout=_TIMEOUT).values():
        future.result()
    try:
        yield
    finally:
        every = AclBindingFilter(
            ResourceType.TOPIC,
            topic,
            ResourcePatternType.LITERAL,
            None,  # type: ignore[arg-type]  # any
            None,  # type: ignore[arg-type]
            AclOperation.ANY,
            AclPermissionType.ANY,
        )
        admin.delete_acls([every], request_timeout=_TIMEOUT)[every].result()


def _deleted(index: int, stage: Stage, _cluster: Cluster, events: int) -> None:
    """Before anything was written to it: what is deleted with a topic no worker can bring back."""
    asyncio.run(prepare_topics(stage.settings, create=True))
    stage.steady()
    topic = _written(stage)[index]
    admin = _admin(stage)
    admin.delete_topics([topic], request_timeout=_TIMEOUT)[topic].result(_TIMEOUT)
    with stage.load.flowing(_RATE // 2):
        _wait_for_stop(stage, 0)
        stage.wait(lambda: topic not in admin.list_topics(timeout=_TIMEOUT).topics, "the end of it", 30.0)
        asyncio.run(prepare_topics(stage.settings, create=True))
        stage.recovered()
    stage.load.publish(max(events - stage.load.published, 0))


def _admin(stage: Stage) -> AdminClient:
    return AdminClient({"bootstrap.servers": stage.broker, "log_level": 0})


CASES = [
    Case(
        name="refused-size",
        fault="batches too large for the canonical, dead-letter and changelog topics in turn",
        play=_in_turn(_too_large, ends=False),
    ),
    Case(
        name="refused-access",
        fault="the right to write to the canonical, dead-letter and changelog topics withdrawn in turn",
        play=_in_turn(_unauthorised, ends=True),
        brokers=authorising_broker,
    ),
    *(
        Case(
            name=f"deleted-{name}",
            fault=f"the {name} topic deleted, and made again after a worker has stopped for it",
            play=partial(_deleted, index),
            settings={"TOPICS_CREATE": "false"},
            # Without its topics a worker does not start.
            exits=frozenset({1}),
        )
        for index, name in enumerate(("canonical", "dead-letter", "users-changelog", "loyalty-changelog"))
    ),
]
