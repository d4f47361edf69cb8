"""The canonical topic and both changelogs get another number of partitions: under load, with kills. Nothing
is lost, and no row is wrong."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition

from app.engine import partition_of
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import committed, consume_all, end_offsets
from tests.kafka_clients import member_of
from tests.operator_tools.test_rebuild_on_kafka import Operator
from tests.tools.faults.load import Load
from tests.tools.faults.reading import verify
from tests.tools.faults.verifier import Report
from tests.waiting import wait_until

pytestmark = pytest.mark.traced

OLD, NEW = 3, 7
RATE = 150
STATIC = {"GROUP_INSTANCE_ID": "one"}
"""Each worker takes the place of the one before, also if that was killed."""


def test_nothing_is_lost_under_load_with_kills(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED, PARTITIONS_EVENTS=str(OLD))
    site.create_vendor_topics()
    repartition(site, unique("wide"), old=OLD, new=NEW, rate=RATE, minimum=300)


def repartition(site: Site, name: str, *, old: int, new: int, rate: int, minimum: int) -> Report:
    """Plays all of it, and returns what was found. `minimum`: how many records the vendors send at least,
    before and after the switch each."""
    broker, load = site.broker, Load(site.broker, site.settings, users=100)
    operator = Operator(site, "repartition", name, "--partitions", str(new))
    load.publish(minimum // 2)
    with flowing(load, rate, 4 * minimum):
        with site.worker(**STATIC) as worker:
            wait_working(load, worker, "it works")
            operator.kill()
            worker.kill()
        with site.worker(**STATIC) as worker:
            done = operator.run("--continue")
            assert done["switch"]["ready"] is False
            wait_working(load, worker, "it works again")
            # Events are left on the canonical topic, which the workers handle after the switch.
            assert site.run("pause", "events", "--url", worker.url).returncode == 0
            load.publish(200)
            wait_until(lambda: events_left(site) > 100, "events are left")
            worker.kill()
        load.publish(minimum // 2)
        done = operator.run("--continue")
        assert done["switch"]["reason"].startswith(f"group {site.settings.app_id} has 1 member: ")
        # Nobody waits for the end of the session of the worker that was killed.
        assert site.run("leave", "one").returncode == 0
        done = operator.run("--continue")
        assert done["switch"]["ready"] is True
        assert operator.run("--check")["equal"] is True
        before, topic = dict(site.variables), site.settings.topic_events
        site.variables.update(done["switch"]["settings"])
        assert site.settings.partitions_events == new
        with site.worker(**STATIC) as worker:
            wait_working(load, worker, "it works after the switch")
            worker.kill()
    load.publish(minimum)
    load.flush()
    with site.worker(**STATIC) as worker:
        site.wait_at_rest()
        worker.wait_ready()
        worker.stop()
    report = verify(broker, site.settings)
    assert report.records == load.published
    assert report.failures() == []
    assert_copied(broker, topic, site.settings.topic_events, old, new)
    after, site.variables = site.variables, before
    move_a_consumer(operator, topic, after["TOPIC_EVENTS"], f"readers-{name}")
    return report


def events_left(site: Site) -> int:
    """Returns how many events of the canonical topic the workers have not committed."""
    commits, ends = site.lag().get(site.settings.topic_events, ({}, {}))
    return sum(ends.values()) - sum(commits.values())


def wait_working(load: Load, worker: WorkerProcess, what: str) -> None:
    """Returns when the worker has applied an event. On a busy machine nothing may be left of the load."""
    load.publish(100)
    wait_until(lambda: worker.count("rollcall_table_effects_total") > 0, what)


@contextmanager
def flowing(load: Load, rate: int, most: int) -> Iterator[None]:
    """Publishes about `rate` records a second while the block runs, and not more than `most` in all: a busy
    machine takes long for the block."""
    ended = threading.Event()

    def flow() -> None:
        while load.published < most and not ended.wait(0.1):
            load.publish(rate // 10)

    thread = threading.Thread(target=flow)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def assert_copied(broker: str, topic: str, wide: str, old: int, new: int) -> None:
    """Checks that all records of the old topic are in the new one, where their keys belong, in their order,
    with their timestamps."""
    order: dict[bytes, list[tuple[bytes | None, int]]] = {}
    for record in consume_all(broker, topic):
        order.setdefault(record.key or b"", []).append((record.value, record.timestamp))
        assert record.partition == partition_of(record.key or b"", old)
    copies: dict[bytes, list[tuple[bytes | None, int]]] = {}
    for record in consume_all(broker, wide):
        assert record.partition == partition_of(record.key or b"", new)
        known = copies.setdefault(record.key or b"", [])
        if (record.value, record.timestamp) not in known:
            known.append((record.value, record.timestamp))
    for key, those in order.items():
        assert copies[key][: len(dict.fromkeys(those))] == list(dict.fromkeys(those))


def move_a_consumer(operator: Operator, topic: str, wide: str, group: str) -> None:
    """Checks that a consumer goes on with the new topic when it has read the old one, and reads what was
    written after the switch, and no less."""
    broker = operator.site.broker
    assert "left: let it read them first" in operator.refused("--move-group", group)
    ends = end_offsets(broker, topic)
    consumer = member_of(broker, group)
    consumer.commit(offsets=[TopicPartition(topic, *each) for each in ends.items()], asynchronous=False)
    assert operator.run("--move-group", group) == {"group": group, "topic": wide}
    starts = committed(broker, group, wide)
    old = {(each.key, each.value) for each in consume_all(broker, topic)}
    skipped = {
        (each.key, each.value)
        for each in consume_all(broker, wide)
        if each.offset < starts.get(each.partition, 0)
    }
    assert skipped <= old
    assert len(skipped) > 0
