"""Agent, tables, restore and zombie repair together, in worker processes on a real broker."""

import os
import re
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.engine.tables.merge_rules import Pair, Row
from tests.engine.toy_rows import apply_event, users_row
from tests.integration.groups import members_of
from tests.kafka import committed, consume_all, create_topics, end_offsets, produce
from tests.prefork import start_in_background
from tests.waiting import GIVE_UP_SECONDS, wait_until

pytestmark = pytest.mark.traced

PARTITIONS = 4
# A session ends only if a test wants it, not because the machine stands still for some seconds.
LONG, SHORT = 60.0, 6.0


class TableCluster:
    """The topics, and the rows that the events so far must make."""

    def __init__(self, broker: str, unique: Callable[[str], str], folder: Path) -> None:
        self.broker, self.app_id, self.topic = broker, unique("rows"), unique("canonical")
        self._folder = folder
        self._workers = 0
        self._rows: dict[bytes, Pair] = {}
        create_topics(broker, {self.topic: PARTITIONS})
        logs = {self._log(table): PARTITIONS for table in ("users", "loyalty")}
        create_topics(broker, logs, cleanup_policy="compact")

    def send(self, *events: tuple[bytes, str, int]) -> None:
        produce(self.broker, self.topic, [(key, f"{kind} {time}".encode()) for key, kind, time in events])
        for key, kind, time in events:
            before = self._rows.get(key, Pair(None, None))
            self._rows[key] = apply_event(before, kind, time)

    @contextmanager
    def worker(self, session_seconds: float = LONG) -> Iterator["WorkerProcess"]:
        self._workers += 1
        worker = WorkerProcess(
            [self.broker, self.app_id, self.topic, str(PARTITIONS), str(session_seconds)],
            self._folder / f"worker-{self._workers}.out",
        )
        try:
            yield worker
        finally:
            worker.kill()

    def wait_committed(self) -> None:
        ends = {partition: end for partition, end in end_offsets(self.broker, self.topic).items() if end}

        def done() -> bool:
            # An attempt to begin a partition is committed, too, at the offset where it is.
            offsets = committed(self.broker, self.app_id, self.topic)
            return {partition: offset for partition, offset in offsets.items() if offset} == ends

        wait_until(done, "everything committed")

    def only_member(self) -> str:
        """Returns the id of the group's member when there is one that has all partitions."""
        return wait_until(self._only_member, "one member has all partitions")

    def _only_member(self) -> str:
        found = members_of(self.broker, self.app_id)
        sources = [sum(topic == self.topic for topic, _ in each.partitions) for each in found]
        return found[0].member_id if sources == [PARTITIONS] else ""

    def left_to(self, member_id: str) -> list[int]:
        """Returns the partitions of this member of which not everything is committed."""
        found = members_of(self.broker, self.app_id)
        own = {tp for each in found if each.member_id == member_id for tp in each.partitions}
        offsets = committed(self.broker, self.app_id, self.topic)
        ends = end_offsets(self.broker, self.topic)
        return [each for each in ends if (self.topic, each) in own and offsets.get(each, 0) < ends[each]]

    def last_rows(self, table: str) -> dict[bytes | None, Row]:
        return {record.key: record.value for record in consume_all(self.broker, self._log(table))}

    def zombie_writes(self, table: str, key: bytes, row: Row) -> None:
        produce(self.broker, self._log(table), [(key, row)])

    def check(self) -> None:
        """Asserts that the last record of every key is the row that its events make."""
        users, loyalty = self.last_rows("users"), self.last_rows("loyalty")
        for key, pair in self._rows.items():
            assert (users.get(key), loyalty.get(key)) == pair

    def _log(self, table: str) -> str:
        return f"{self.app_id}-{table}-changelog"


class WorkerProcess:
    def __init__(self, arguments: list[str], said: Path) -> None:
        self._said = said
        module = ["tests.engine.toy_table_worker", *arguments]
        self._process = start_in_background(module, os.environ, said)

    def said(self) -> str:
        return self._said.read_text()

    def pause(self) -> None:
        self._process.send_signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def wait_share(self) -> None:
        """Returns when half of the partitions are live in this worker."""
        wait_until(lambda: {"restored 2", "kept warm 2"} & set(self.steps()), "a share of the partitions")

    def wait_over(self, steps_before: int) -> None:
        """Returns when this worker, which was stopped, has ended to protect data or is a member again."""
        wait_until(
            lambda: self._process.poll() is not None or len(self.steps()) > steps_before, "a pause's end"
        )
        assert self._process.poll() in {None, 70}

    def steps(self) -> list[str]:
        """Returns what the worker has printed of its partitions."""
        return re.findall(r"^(?:restored|kept warm) \d+", self.said(), re.MULTILINE)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()

    def stop(self) -> int:
        self._process.send_signal(signal.SIGTERM)
        return self._process.wait(GIVE_UP_SECONDS)


@pytest.fixture
def cluster(broker: str, unique: Callable[[str], str], tmp_path: Path) -> TableCluster:
    return TableCluster(broker, unique, tmp_path)


def keys(count: int) -> list[bytes]:
    return [b"toy/acme/%d" % number for number in range(count)]


def test_rows_outlive_a_stop_and_a_kill(cluster: TableCluster) -> None:
    with cluster.worker() as first:
        cluster.send(*((key, "points", time) for time in (1, 2) for key in keys(300)))
        cluster.wait_committed()
        assert first.stop() == 0
        assert "Unclosed" not in first.said()
    cluster.check()
    with cluster.worker(SHORT) as second:
        cluster.send(*((key, "update", 3) for key in keys(300)))
        cluster.wait_committed()
        second.kill()
    cluster.check()
    with cluster.worker() as third:
        cluster.send(*((key, "delete", 3) for key in keys(150)), (b"toy/acme/0", "update", 9))
        cluster.wait_committed()
        assert f"restored {PARTITIONS} " in third.said()
        assert third.stop() == 0
    cluster.check()


def test_a_second_worker_takes_over_rows_and_the_first_keeps_the_rest(cluster: TableCluster) -> None:
    with cluster.worker() as first:
        cluster.send(*((key, "points", 1) for key in keys(200)))
        cluster.wait_committed()
        with cluster.worker() as second:
            first.wait_share()
            second.wait_share()
            assert "kept warm 2" in first.steps()
            cluster.send(*((key, "points", 2) for key in keys(200)))
            cluster.wait_committed()
            assert second.stop() == 0
        cluster.send(*((key, "points", 3) for key in keys(200)))
        cluster.wait_committed()
        assert first.stop() == 0
    cluster.check()


def pause_at_work(cluster: TableCluster, paused: WorkerProcess, member_id: str) -> int:
    """Stops the worker that is this member while records of its partitions are not committed. Returns the
    time of the next events. A fast worker may have handled all events before, and then it gets more."""
    for time in range(1, 100):
        # Many cold keys: a later write to the same key would hide a stale row.
        cluster.send(*((key, "points", time) for key in keys(3_000)))
        paused.pause()
        if cluster.left_to(member_id):
            return time + 1
        paused.resume()
    raise AssertionError("the worker never had work left")


def test_a_worker_that_was_stopped_past_its_session_harms_nothing(cluster: TableCluster) -> None:
    with cluster.worker(SHORT) as paused:
        wait_until(paused.steps, "all partitions")
        member_id = cluster.only_member()
        with cluster.worker() as other:
            paused.wait_share()
            other.wait_share()
            time = pause_at_work(cluster, paused, member_id)
            steps = paused.steps()
            cluster.send(*((key, "points", time) for key in keys(1_000)))
            # The other worker has committed everything, so the session of this one was over.
            cluster.wait_committed()
            assert cluster.only_member() != member_id
            paused.resume()
            cluster.send(*((key, "delete", 2) for key in keys(500)))
            cluster.wait_committed()
            paused.wait_over(len(steps))
    cluster.check()


def test_a_late_row_of_somebody_else_is_repaired_while_the_worker_runs_and_by_its_next_start(
    cluster: TableCluster,
) -> None:
    key, stale = b"toy/acme/1", users_row([1])
    with cluster.worker(SHORT) as worker:
        cluster.send((key, "update", 1), (key, "update", 2))
        cluster.wait_committed()
        cluster.zombie_writes("users", key, stale)
        wait_until(lambda: cluster.last_rows("users")[key] == users_row([1, 2]), "the repair by the scan")
        worker.kill()
    cluster.zombie_writes("users", key, stale)
    with cluster.worker() as worker:
        wait_until(
            lambda: cluster.last_rows("users")[key] == users_row([1, 2]),
            "the repair by the restore",
        )
        cluster.check()
        assert worker.stop() == 0
