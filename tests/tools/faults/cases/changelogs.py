"""A full restore from changelogs as they are after years: compacted, and without their oldest records; and
from changelogs with batches that are broken on the broker's disk."""

import signal

from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from app.topics import ROW_BYTES
from tests.kafka import consume_all, create_topics, end_offsets, set_config
from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.pods import Pod
from tests.tools.faults.stage import Stage
from tests.tools.poison.broken_batches import broken, data_of, stored_batch
from tests.tools.poison.dose import DAMAGES

_RATE = 2_000
# Segments are small, and compacted at once.
_CONFIGS = {
    "cleanup_policy": "compact",
    "retention_ms": "-1",
    "segment_ms": "2000",
    "min_cleanable_dirty_ratio": "0.01",
    "delete_retention_ms": "0",
    "max_message_bytes": str(ROW_BYTES),
}
# At most this share of all records that were written is left.
_COMPACTED_SHARE = 0.7
# How often a worker has to try in vain before the broken batches are mended.
_ATTEMPTS = 3


def _restore(stage: Stage, _cluster: Cluster, events: int) -> None:
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
    """Deletes the records before the first one that is the last of its key, and returns how many offsets that
    are."""
    last = {(record.partition, record.key): record.offset for record in consume_all(stage.broker, topic)}
    heads: dict[int, int] = {}
    for (partition, _), offset in last.items():
        heads[partition] = min(heads.get(partition, offset), offset)
    heads_to_delete = [
        TopicPartition(topic, partition, offset) for partition, offset in heads.items() if offset
    ]
    if not heads_to_delete:
        raise CaseFailed(f"no record of {topic} is superseded")
    admin = AdminClient({"bootstrap.servers": stage.broker, "log_level": 0})
    # Kafka deletes records only if `delete` is one of the policies, and no worker would start on such a
    # changelog.
    before = set_config(stage.broker, topic, "cleanup.policy", "compact,delete")
    deleted = admin.delete_records(heads_to_delete, request_timeout=30.0)
    offsets: int = sum(future.result(30.0).low_watermark for future in deleted.values())
    set_config(stage.broker, topic, "cleanup.policy", before)
    return offsets


def _restore_broken(stage: Stage, cluster: Cluster, events: int) -> None:
    """Breaks a batch in each partition of a changelog in another way. Workers that restore it wait."""
    folder, topic = data_of(cluster.ours), stage.settings.changelogs[0]
    stage.steady()
    with stage.flow(_RATE, events):
        stage.work_left()
        ends = end_offsets(stage.broker, topic)
        stored = [stored_batch(folder, (topic, partition, end - 1)) for partition, end in ends.items()]
        for batch, damage in zip(stored, DAMAGES, strict=True):
            batch.write(broken(batch.data, damage))
        for pod in stage.pods:
            pod.kill()
        stage.wait(lambda: all(map(_waits, stage.pods)), "workers that cannot restore their tables", 60.0)
        for batch in stored:
            batch.write(batch.data)
        stage.recovered()


def _waits(pod: Pod) -> bool:
    return pod.log_tail().count("the changelogs could not be read, trying again") >= _ATTEMPTS


CASES = [
    Case(
        name="restore-broken",
        fault="full restore of both workers from a changelog with batches broken on the disk; mended",
        play=_restore_broken,
    ),
    Case(
        name="restore-compacted",
        fault="full restore of both workers from compacted changelogs without their head",
        play=_restore,
        users=500,
    ),
]
