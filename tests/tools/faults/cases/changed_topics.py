"""Topics that change under running workers: policies, bounds of time and size, partitions; and one that is
deleted."""

import asyncio
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from random import Random

from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewPartitions

from app.topic_admin import prepare_topics
from tests.kafka import set_config
from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.stage import Stage
from tests.tools.poison.sender import Sender
from tests.tools.poison.vendor_doses import VendorDoses

_RATE = 1_000
_EVENTS = 8_000
_TIMEOUT = 30.0
_VENDOR = "magine"
# Longer than the bound of a timestamp below, and shorter than a session.
_PAUSED_SECONDS = 4.0
_SMALL_BYTES = 16_384
# A watch of topics looks once a minute.
_SAID_SECONDS = 120.0


@contextmanager
def _set(stage: Stage, topic: str, name: str, value: str) -> Iterator[None]:
    before = set_config(stage.broker, topic, name, value)
    try:
        yield
    finally:
        set_config(stage.broker, topic, name, before)


def _old_stamps(stage: Stage, cluster: Cluster, events: int) -> None:
    """The topics refuse timestamps that are older than 2 s, and records wait longer than that."""
    settings = stage.settings
    stage.steady()
    with stage.flow(_RATE, events):
        for topic in (settings.topic_events, settings.topic_dead_letter, *settings.changelogs):
            with _set(stage, topic, "message.timestamp.before.max.ms", "2000"):
                stage.work_left()
                cluster.ours.pause()
                # Nothing can be waited for but the age of the records on their way.
                time.sleep(_PAUSED_SECONDS)
                cluster.ours.resume()
                stage.recovered()


def _small_dead_letters(stage: Stage, _cluster: Cluster, events: int) -> None:
    """The dead-letter topic accepts only small records, so dead letters are truncated."""
    sender = Sender(stage.broker, stage.foreign)
    doses = VendorDoses(Random(1), stage.settings)
    stage.foreign.whole_bytes = _SMALL_BYTES // 2
    stage.steady()
    with (
        stage.flow(_RATE, events),
        _set(stage, stage.settings.topic_dead_letter, "max.message.bytes", str(_SMALL_BYTES)),
    ):
        for _ in range(20):
            sender.send(doses.of("a header of 65 KB", _VENDOR))
            sender.send(doses.of("over the limit of a record", _VENDOR))
            sender.send(doses.of("hostile body", _VENDOR))
        stage.recovered()


def _forgetting(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Somebody sets a changelog to forget rows. No worker starts on it until somebody sets it back."""
    stage.steady()
    with stage.flow(_RATE, events):
        with _set(stage, stage.settings.changelogs[0], "cleanup.policy", "compact,delete"):
            stage.work_left()
            for pod in stage.pods:
                pod.signal(signal.SIGKILL)
            stage.wait(lambda: any(1 in pod.exits for pod in stage.pods), "a worker that refuses it", 60.0)
        stage.recovered()


def _grown(stage: Stage, _cluster: Cluster, events: int) -> None:
    topic = stage.settings.topic_of(_VENDOR)
    stage.steady()
    with stage.flow(_RATE, events):
        stage.work_left()
        admin = _admin(stage)
        admin.create_partitions([NewPartitions(topic, 5)], request_timeout=_TIMEOUT)[topic].result(_TIMEOUT)
        stage.wait(lambda: len(_partitions(admin, topic)) == 5, "five partitions", _TIMEOUT)
        stage.load.publish(events)
        stage.recovered()


def _vanished(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Deletes a vendor's topic before anything was written to it. The workers have to say so, and go on when
    it is there again."""
    asyncio.run(prepare_topics(stage.settings, create=True))
    stage.steady()
    topic, admin = stage.settings.topic_of(_VENDOR), _admin(stage)
    admin.delete_topics([topic], request_timeout=_TIMEOUT)[topic].result(_TIMEOUT)
    stage.wait(
        lambda: any(topic in pod.problems() for pod in stage.pods), f"a word on {topic}", _SAID_SECONDS
    )
    asyncio.run(prepare_topics(stage.settings, create=True))
    stage.wait(lambda: len(_partitions(admin, topic)) == 3, "the topic again", _TIMEOUT)
    with stage.load.flowing(_RATE):
        stage.wait_moving()
        stage.recovered()
    stage.load.publish(max(events - stage.load.published, 0))


def _partitions(admin: AdminClient, topic: str) -> list[int]:
    known = admin.list_topics(timeout=_TIMEOUT).topics
    return (
        [part.id for part in known[topic].partitions.values() if part.leader >= 0] if topic in known else []
    )


def _admin(stage: Stage) -> AdminClient:
    return AdminClient({"bootstrap.servers": stage.broker, "log_level": 0})


CASES = [
    Case(
        name="refused-stamps",
        fault="the topics refuse old timestamps in turn, while the broker stands still for longer",
        play=_old_stamps,
        hurts_broker=True,
        events=_EVENTS,
    ),
    Case(
        name="refused-dead-letters",
        fault="dead letters that are too large for their topic",
        play=_small_dead_letters,
        events=_EVENTS,
        vendor_topics={"max_message_bytes": str(8 << 20)},
    ),
    Case(
        name="compact-delete",
        fault="a changelog set to compact,delete, kill -9 of both workers, and set back",
        play=_forgetting,
        events=_EVENTS,
        exits=frozenset({1}),
    ),
    Case(name="grown", fault="a vendor's topic gets more partitions", play=_grown, events=_EVENTS),
    Case(
        name="vanished",
        fault="a vendor's topic deleted, and created again when the workers have said so",
        play=_vanished,
        events=_EVENTS,
        exits=frozenset({1}),
    ),
]
