"""Brokers are stopped or killed, and started again."""

from collections.abc import Callable

from confluent_kafka.admin import AdminClient

from app.embedded_kafka import EmbeddedKafka
from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster, three_brokers
from tests.tools.faults.stage import Stage

_RATE = 1_000
_BOUNCES = 5


def _down_and_up(down: Callable[[EmbeddedKafka], None], times: int) -> Callable[[Stage, Cluster, int], None]:
    def play(stage: Stage, cluster: Cluster, events: int) -> None:
        stage.steady()
        with stage.flow(_RATE, events):
            for _ in range(times):
                stage.work_left()
                down(cluster.ours)
                cluster.ours.start_node()
                stage.recovered()

    return play


def _three(stage: Stage, cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(_RATE, events):
        for victim in (_leader, _coordinator, _leader):
            stage.work_left()
            node = victim(stage)
            cluster.ours.kill(node)
            stage.recovered()
            cluster.ours.start_node(node)
            stage.wait(lambda: _in_sync(stage), "three replicas in sync", 60.0)


def _admin(stage: Stage) -> AdminClient:
    return AdminClient({"bootstrap.servers": stage.broker, "log_level": 0})


def _leader(stage: Stage) -> int:
    """Returns the node that leads the first partition of the canonical topic."""
    topic = stage.settings.topic_events
    return int(_admin(stage).list_topics(topic, timeout=10).topics[topic].partitions[0].leader)


def _coordinator(stage: Stage) -> int:
    """Returns the node that coordinates the workers' group."""
    group = stage.settings.app_id
    admin = _admin(stage)  # it must be kept until the answer has come
    found = admin.describe_consumer_groups([group], request_timeout=10)[group].result(10)
    return int(found.coordinator.id)


def _in_sync(stage: Stage) -> bool:
    known = _admin(stage).list_topics(timeout=10).topics
    return all(len(part.isrs) == 3 for topic in known.values() for part in topic.partitions.values())


CASES = [
    Case(
        name="broker-stopped",
        fault="the only broker stopped cleanly and started again",
        play=_down_and_up(EmbeddedKafka.stop_node, 1),
        hurts_broker=True,
    ),
    Case(
        name="broker-killed",
        fault="kill -9 of the only broker, started again",
        play=_down_and_up(EmbeddedKafka.kill, 1),
        hurts_broker=True,
    ),
    Case(
        name="broker-bounced",
        fault="the only broker killed and started, five times",
        play=_down_and_up(EmbeddedKafka.kill, _BOUNCES),
        hurts_broker=True,
    ),
    Case(
        name="three-brokers",
        fault="three brokers, min ISR 2: kill -9 of a leader, of the coordinator, of a leader",
        play=_three,
        brokers=three_brokers,
        hurts_broker=True,
        settings={"REPLICATION_FACTOR": "3"},
    ),
]
