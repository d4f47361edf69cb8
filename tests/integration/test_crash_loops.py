"""No input makes a crash loop: a partition of which workers die is paused, the others go on, and an operator
resumes it, without the record."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from app.engine import partition_of
from app.engine.consumer.commit_note import CommitNote, decode_note
from tests.integration.poisoned_worker import MARK
from tests.integration.recount import (
    DeadRecord,
    assert_canonical,
    assert_dead_letters,
    assert_tables,
    last_rows,
    recount,
)
from tests.integration.supervisor import Supervisor
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import ToSend, committed, consume_all, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = pytest.mark.untraced

VENDOR = "magine"
POISONED = "tests.integration.poisoned_worker"
PARTITIONS = 3
HANDFUL = 8
"""Five deaths pause a partition. A worker can also die while the commit of its count is on the way."""


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    # The next worker has to wait for the end of this session, so it is short. A shorter one would also end if
    # the machine stands still, and a worker that is expelled at work ends itself: one death too many.
    site = Site(broker, unique, tmp_path, SESSION_TIMEOUT="6")
    site.create_vendor_topics()
    return site


def send(site: Site, vendor: str, count: int, first: int = 0) -> None:
    """Sends bodies to all partitions of the vendor's topic."""
    records = [
        ToSend(None, body, partition=number % PARTITIONS)
        for number, body in enumerate(bodies(vendor, count, first=first))
    ]
    produce(site.broker, site.settings.topic_of(vendor), records)


def send_poison(site: Site, partition: int) -> tuple[str, int, int]:
    """Sends a body that workers of these tests die of, and returns its position."""
    topic = site.settings.topic_of(VENDOR)
    body = next(bodies(VENDOR, 1)).replace(b'"userId": "', b'"userId": "' + MARK)
    assert MARK in body
    ((_, offset),) = produce(site.broker, topic, [ToSend(None, body, partition=partition)])
    return topic, partition, offset


def resume(site: Site, worker: WorkerProcess, *arguments: str) -> tuple[int, str]:
    """Returns the exit code and what the command says."""
    done = site.resume(worker.url, *arguments)
    return done.returncode, done.stdout + done.stderr


def notes(site: Site) -> dict[tuple[str, int], CommitNote]:
    """Returns the notes of all committed offsets that are not empty."""
    return notes_of(site.broker, site.settings.app_id)


def notes_of(broker: str, group: str) -> dict[tuple[str, int], CommitNote]:
    """Does the same for any group."""
    return asyncio.run(_notes(broker, group))


async def _notes(broker: str, group: str) -> dict[tuple[str, int], CommitNote]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group)
    finally:
        await admin.close()
    return {
        (tp.topic, tp.partition): decode_note(each.metadata) for tp, each in found.items() if each.metadata
    }


def only_lag(site: Site, topic: str, partition: int) -> bool:
    """Returns whether everything is committed but the rest of one partition."""
    lag = site.lag()
    if set(lag) != {topic}:
        return False
    offsets, ends = lag[topic]
    return {**offsets, partition: 0} == {**ends, partition: 0}


@pytest.mark.parametrize("kind", ["mapper", "memory"])
def test_a_record_that_kills_pauses_its_partition_and_is_skipped(site: Site, kind: str) -> None:
    send(site, VENDOR, 60)
    send(site, "fynd", 60)
    topic, partition, offset = poison = send_poison(site, 1)
    send(site, VENDOR, 60, first=60)
    with Supervisor(site, POISONED, kind) as supervisor:
        supervisor.wait_said(
            f"{VENDOR} is paused in partition {partition}: 5 attempts died at offset {offset}"
        )
        assert 5 <= len(supervisor.exits) <= HANDFUL
        wait_until(lambda: only_lag(site, topic, partition), "the others are done")
        assert committed(site.broker, site.settings.app_id, topic)[partition] == offset
        worker = supervisor.worker
        assert worker.metric("rollcall_vendor_held", "vendor") == {(VENDOR,): 1}
        assert_refused(site, worker, topic, partition, offset)
        deaths = len(supervisor.exits)
        skip = f"{topic}/{partition}/{offset}"
        assert resume(site, worker, VENDOR, "--skip", skip) == (0, f"{VENDOR} is resumed: 1 partitions\n")
        site.wait_at_rest()
        assert len(supervisor.exits) == deaths
        wait_until(lambda: worker.get("/readyz")[0] == 200, "it is ready")
        supervisor.stop()
    assert notes(site) == {}
    expected = recount(site)
    (record,) = [each for each in consume_all(site.broker, topic) if MARK in (each.value or b"")]
    for key, value in list(expected.events):
        if MARK in key:
            del expected.events[key, value]
    skipped = DeadRecord(record, VENDOR, "mapper_error", "skipped by operator")
    assert_canonical(site, expected, repeats=True)
    assert_dead_letters({poison: skipped}, consume_all(site.broker, site.settings.topic_dead_letter), site)
    assert_tables(site)


def assert_refused(site: Site, worker: WorkerProcess, topic: str, partition: int, offset: int) -> None:
    """Checks that records which cannot be skipped are refused in one line, and that nothing is resumed."""
    end = len([each for each in consume_all(site.broker, topic) if each.partition == partition])
    other = site.settings.topic_of("fynd")
    implausible = f"--skip: expected an offset from {offset} to {end - 1}"
    for skip, why in {
        f"{other}/{partition}/{offset}": f"--skip: expected a record of {topic}",
        f"{topic}/0/0": f"--skip: {topic}/0 is not paused in this worker",
        f"{topic}/7/0": f"--skip: {topic}/7 is not paused in this worker",
        f"{topic}/{partition}/{offset - 1}": implausible,
        f"{topic}/{partition}/{end}": implausible,
    }.items():
        assert resume(site, worker, VENDOR, "--skip", skip) == (1, f"rollcall: {worker.url} says: {why}\n")
    assert resume(site, worker, "events") == (
        1,
        f"rollcall: {worker.url} says: events is not paused in this worker\n",
    )
    assert resume(site, worker, VENDOR, "--skip", "nonsense")[0] == 2
    assert f"{VENDOR} is paused" in worker.get("/readyz")[1]


def canonical_of(site: Site) -> tuple[int, int]:
    """Returns partition and offset of the poisoned canonical event."""
    (event,) = [
        each for each in consume_all(site.broker, site.settings.topic_events) if MARK in (each.key or b"")
    ]
    assert event.key is not None
    assert event.partition == partition_of(event.key, PARTITIONS)
    return event.partition, event.offset


def send_poisoned_event(site: Site) -> tuple[int, int]:
    """Sends a canonical event that workers of these tests die of, and returns its partition and offset. No
    vendor's agent writes it: if the worker died before the agent's commit, it would write the event again."""
    topic = site.settings.topic_events
    event = consume_all(site.broker, topic)[0]
    assert event.key is not None
    assert event.value is not None
    key, value = (each.replace(b"magine", MARK) for each in (event.key, event.value))
    partition = partition_of(key, PARTITIONS)
    ((_, offset),) = produce(site.broker, topic, [ToSend(key, value, partition=partition)])
    return partition, offset


def test_a_canonical_event_that_kills_is_skipped_and_its_partition_is_restored(site: Site) -> None:
    send(site, VENDOR, 60)
    with site.worker(module=(POISONED, "nothing")) as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    partition, offset = send_poisoned_event(site)
    send(site, VENDOR, 60, first=60)
    topic = site.settings.topic_events
    with Supervisor(site, POISONED, "state") as supervisor:
        supervisor.wait_said(f"events is paused in partition {partition}: 5 attempts died at offset {offset}")
        assert 5 <= len(supervisor.exits) <= HANDFUL
        wait_until(lambda: only_lag(site, topic, partition), "the others are done")
        deaths = len(supervisor.exits)
        worker = supervisor.worker
        said = resume(site, worker, "events", "--skip", f"{topic}/{partition}/{offset}")
        assert said == (0, "events is resumed: 1 partitions\n")
        site.wait_at_rest()
        assert len(supervisor.exits) == deaths
        supervisor.stop()
    (letter,) = consume_all(site.broker, site.settings.topic_dead_letter)
    headers = dict(letter.headers)
    assert (headers["x-vendor"], headers["x-detail"]) == (b"canonical", b"skipped by operator")
    expected = {each.key for each in consume_all(site.broker, topic)} - {letter.key}
    assert last_rows(site.broker, site.settings.changelogs[0]).keys() == expected


def test_a_row_that_kills_the_restore_pauses_its_partition_until_it_is_resumed(site: Site) -> None:
    send(site, VENDOR, 60)
    send_poison(site, 0)
    with site.worker(module=(POISONED, "nothing")) as worker:
        worker.wait_ready()
        site.wait_at_rest()
        worker.stop()
    send(site, VENDOR, 60, first=60)
    partition, _ = canonical_of(site)
    done = committed(site.broker, site.settings.app_id, site.settings.topic_events)[partition]
    topic = site.settings.topic_events
    with Supervisor(site, POISONED, "restore") as supervisor:
        supervisor.wait_said(f"events is paused in partition {partition}: 5 attempts died at offset {done}")
        assert 5 <= len(supervisor.exits) <= HANDFUL
        wait_until(lambda: only_lag(site, topic, partition), "the others are done")
        supervisor.stop()
    with site.worker(module=(POISONED, "nothing")) as worker:
        wait_until(lambda: "events is paused" in worker.get("/readyz")[1], "the pause is kept")
        assert resume(site, worker, "events") == (0, "events is resumed: 1 partitions\n")
        site.wait_at_rest()
        wait_until(lambda: worker.get("/readyz")[0] == 200, "it is ready")
        worker.stop()
    assert_tables(site)
    assert notes(site) == {}


def test_idle_partitions_stops_and_rebalances_count_nothing(site: Site) -> None:
    with site.worker(module=(POISONED, "nothing")) as first:
        first.wait_ready()
        wait_until(lambda: notes(site) == {}, "idle partitions are not counted")
        send(site, VENDOR, 60)
        site.wait_at_rest()
        with site.worker(module=(POISONED, "nothing")) as second:
            second.wait_ready()
            first.wait_ready()
            wait_until(lambda: notes(site) == {}, "a rebalance is not counted")
            second.kill()
        first.stop()
    assert notes(site) == {}
