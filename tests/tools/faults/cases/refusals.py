"""A broker that refuses writes: to the canonical, the dead-letter and the changelog topics in turn.

An error that puts a log in doubt ends the workers. An error that belongs to a record does not: batches that
are too large as a whole are written in parts.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial

from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from app.topic_admin import prepare_topics
from tests.kafka import set_config
from tests.rights import without_right
from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster, authorising_broker
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.stage import Stage

_RATE = 2_000
_TIMEOUT = 30.0

Refusal = Callable[[Stage, str], AbstractContextManager[None]]
"""While the block runs, the broker refuses what is written to that topic: everything, or what is large."""


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
    """Sets the topic's limit below the size of a batch, and above that of any record of the load."""
    before = set_config(stage.broker, topic, "max.message.bytes", "8192")
    try:
        yield
    finally:
        set_config(stage.broker, topic, "max.message.bytes", before)


def _unauthorised(stage: Stage, topic: str) -> AbstractContextManager[None]:
    return without_right(stage.broker, ResourceType.TOPIC, topic, AclOperation.WRITE)


def _group_refuses(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Refuses running workers, whose fetches would raise what aiokafka has kept of the answer, and then new
    ones: they do not fetch before their first assignment, so nothing but the engine can say the cause."""
    stage.steady()
    with stage.flow(_RATE, events):
        stage.work_left()
        group = stage.settings.app_id
        with without_right(stage.broker, ResourceType.GROUP, group, AclOperation.READ):
            _wait_for_cause(stage)
            for pod in stage.pods:
                pod.kill()
            _wait_for_cause(stage)
        stage.recovered()


def _wait_for_cause(stage: Stage) -> None:
    def said() -> bool:
        return all(
            f"not authorized to read group {stage.settings.app_id}" in pod.problems() for pod in stage.pods
        )

    stage.wait(said, "every worker says that it may not read the group", 60.0)


def _deleted(index: int, stage: Stage, _cluster: Cluster, events: int) -> None:
    """Deletes a topic before anything was written to it, because no worker can bring back what is deleted
    with it."""
    asyncio.run(prepare_topics(stage.settings, create=True))
    stage.steady()
    topic = _written(stage)[index]
    admin = _admin(stage)
    admin.delete_topics([topic], request_timeout=_TIMEOUT)[topic].result(_TIMEOUT)
    with stage.load.flowing(_RATE // 2):
        _wait_for_stop(stage, 0)
        stage.wait(
            lambda: topic not in admin.list_topics(timeout=_TIMEOUT).topics, "the end of the topic", 30.0
        )
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
        # A worker that is restarted without a right does not start.
        exits=frozenset({1}),
        brokers=authorising_broker,
    ),
    Case(
        name="refused-group",
        fault="the right to read the group withdrawn, kill -9 of both workers, and the right given back",
        play=_group_refuses,
        brokers=authorising_broker,
    ),
    *(
        Case(
            name=f"deleted-{name}",
            fault=f"the {name} topic deleted, and created again after a worker has stopped for it",
            play=partial(_deleted, index),
            settings={"TOPICS_CREATE": "false"},
            # A worker does not start without its topics.
            exits=frozenset({1}),
        )
        for index, name in enumerate(("canonical", "dead-letter", "users-changelog", "loyalty-changelog"))
    ),
]
