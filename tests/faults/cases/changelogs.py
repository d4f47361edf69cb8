"""A full recovery from changelogs as they are after years: compacted, their oldest records deleted."""

import signal

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from app.topics import ROW_BYTES
from tests.faults.cases.case import Case
from tests.faults.cluster import Cluster
from tests.faults.failed import CaseFailed
from tests.faults.stage import Stage
from tests.kafka import consume_all, create_topics, end_offsets, set_config

_RATE = 2_000
# Small segments, cleaned at once.
_CONFIGS = {
    "cleanup_policy": "compact",
    "retention_ms": "-1",
    "segment_ms": "2000",
    "min_cleanable_dirty_ratio": "0.01",
    "delete_retention_ms": "0",
    "max_message_bytes": str(ROW_BYTES),
}
# Of all records that were ever written, so few are left.
_COMPACTED_SHARE = 0.7


def _recover(stage: Stage, _cluster: Cluster, events: int) -> None:
    changelogs = stage.settings.changelogs
    create_topics(stage.broker, dict.fromkeys(changelogs, 3), **_CONFIGS)
    stage.steady()
    with stage.flow(_RATE, events):
        for topic in changelogs:
            _wait_compacted(stage, topic)
            stage.notes.append(f"{_delete_head(stage, topic)} offsets deleted at the head of {topic}")
        stage.work_left()
        for pod in stage.pods:
            pod.signal(signal.SIGKILL)
        stage.recovered()


def _wait_compacted(stage: Stage, topic: str) -> None:
    stage.wait(lambda: _is_compacted(stage, topic), "a compacted changelog", 90.0)


def _is_compacted(stage: Stage, topic: str) -> bool:
    written = sum(end_offsets(stage.broker, topic).values())
    return (
        stage.load.published > 10_000 and len(consume_all(stage.broker, topic)) < _COMPACTED_SHARE * written
    )


def _delete_head(stage: Stage, topic: str) -> int:
    """Deletes what no key's last record is behind; returns how many offsets."""
    last = {(record.partition, record.key): record.offset for record in consume_all(stage.broker, topic)}
    heads: dict[int, int] = {}
    for (partition, _), offset in last.items():
        heads[partition] = min(heads.get(partition, offset), offset)
    places = [TopicPartition(topic, partition, offset) for partition, offset in heads.items() if offset]
    if not places:
        raise CaseFailed(f"no record of {topic} is superseded")
    admin = AdminClient({"bootstrap.servers": stage.broker, "log_level": 0})
    # Kafka deletes records only if `delete` is a policy, too; no worker would start on such a changelog.
    before = set_config(stage.broker, topic, "cleanup.policy", "compact,delete")
    deleted = admin.delete_records(places, request_timeout=30.0)
    offsets: int = sum(future.result(30.0).low_watermark for future in deleted.values())
    set_config(stage.broker, topic, "cleanup.policy", before)
    return offsets


CASES = [
    Case(
        name="recovery-compacted",
        fault="full recovery of both workers from compacted changelogs without their head",
        play=_recover,
        users=500,
    )
]
