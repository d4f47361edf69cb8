"""Records that a broker deleted before a worker has read them: it says which, once, and goes on."""

import signal
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from confluent_kafka import OFFSET_END, Consumer, KafkaError, TopicPartition

from app.engine import ConsumerConfig
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, committed, delete_records, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS, wait_until


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


def publish(site: Site, topic: str, counts: Sequence[int]) -> None:
    """Writes so many bodies into each partition. They are of now, or Kafka's own retention deletes them."""
    for partition, count in enumerate(counts):
        records = [ToSend(None, body, [], None, partition) for body in bodies("magine", count)]
        produce(site.broker, topic, records)


def outwait_fetches(broker: str, topic: str) -> None:
    """Returns when a worker that is stopped has no fetch of partition 0 in the broker any more.

    The broker answers a fetch that waits for records as soon as they come, and the worker would find them in
    its socket when it goes on. A fetch that begins later and may wait longer ends after that of the worker,
    however slow the broker is.
    """
    wait_ms = 2 * ConsumerConfig().fetch_max_wait_ms
    options = {"bootstrap.servers": broker, "group.id": "reads-without-a-group", "fetch.wait.max.ms": wait_ms}
    with closing(Consumer({**options, "enable.partition.eof": True})) as consumer:
        consumer.assign([TopicPartition(topic, 0, OFFSET_END)])
        message = consumer.poll(GIVE_UP_SECONDS)
        assert message is not None
        error = message.error()
        assert error is not None
        assert error.code() == KafkaError._PARTITION_EOF


def lost(worker: WorkerProcess) -> list[str]:
    return [line.partition("deleted ")[2] for line in worker.stderr().splitlines() if "were read" in line]


def test_deleted_records_are_said_once_and_counted_and_no_lag_is_left(site: Site) -> None:
    topic = site.settings.topic_of("magine")
    publish(site, topic, [10, 10, 10])
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    publish(site, topic, [500, 50, 20])
    # Of partition 1 nothing is left: no record will come that could show the gap.
    delete_records(site.broker, topic, {0: 410, 1: 60})
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        assert worker.metric("rollcall_engine_incidents_total", "kind")[("hole",)] == 450
        assert worker.count("rollcall_records_received_total") == 120
        worker.stop()
    said = lost(worker)
    assert len(said) == 2
    assert sum("400 offsets before they were read, 10 to 409" in line for line in said) == 1
    assert sum("50 offsets before they were read, 10 to 59" in line for line in said) == 1
    assert all(f"{topic}/" in line for line in worker.stderr().splitlines() if "were read" in line)


def test_records_that_are_deleted_while_a_worker_reads_are_said_too(site: Site) -> None:
    """The worker's position is right before the deletion, and the broker refuses it after that."""
    topic = site.settings.topic_of("magine")
    # The session does not end while the worker is stopped, because it is long.
    with site.worker() as worker:
        worker.wait_ready()
        publish(site, topic, [10, 0, 0])
        site.wait_at_rest()
        worker.signal(signal.SIGSTOP)
        outwait_fetches(site.broker, topic)
        publish(site, topic, [30, 0, 0])
        delete_records(site.broker, topic, {0: 40})
        worker.signal(signal.SIGCONT)
        wait_until(lambda: committed(site.broker, site.settings.app_id, topic).get(0) == 40, "no lag")
        assert worker.metric("rollcall_engine_incidents_total", "kind")[("hole",)] == 30
        publish(site, topic, [5, 0, 0])
        site.wait_at_rest()
        assert worker.count("rollcall_records_received_total") == 15
        worker.stop()
    assert len(lost(worker)) == 1
