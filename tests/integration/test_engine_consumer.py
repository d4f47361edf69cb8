"""The engine's consumer on a real broker: worker processes without tables that read in slices."""

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest

from app.engine import EXIT_PROTECT
from tests.engine.toy_process import Position, ToyProcess
from tests.engine.toy_worker import Toy
from tests.integration.test_crash_loops import notes_of
from tests.kafka import committed, create_topics, end_offsets, members, produce
from tests.waiting import wait_until

pytestmark = pytest.mark.traced

PARTITIONS = 6
LONG_SESSION = 1200.0
"""Seconds. No test waits for so long, so a group that goes on sooner was left."""


class Stage:
    """A topic and a group of the test's own, and the toy workers on them."""

    def __init__(self, broker: str, unique: Callable[[str], str], folder: Path) -> None:
        self.broker = broker
        self.topic = unique("toy-source")
        self.group = unique("toy")
        self._folder = folder
        create_topics(broker, {self.topic: PARTITIONS})

    def toy(self, name: str, **options: object) -> ToyProcess:
        fixed = {"broker": self.broker, "group": self.group, "topic": self.topic}
        return ToyProcess(Toy(journal=str(self._folder / f"{name}.txt"), **fixed, **options))  # type: ignore[arg-type]

    def feed(self, count: int) -> None:
        produce(self.broker, self.topic, [(b"%d" % number, b"x" * 50) for number in range(count)])

    def committed(self) -> dict[int, int]:
        return committed(self.broker, self.group, self.topic)

    def members(self) -> int:
        return members(self.broker, self.group)

    def ends(self) -> dict[int, int]:
        return end_offsets(self.broker, self.topic)

    @contextmanager
    def load(self) -> Iterator[None]:
        """Feeds the topic until the block ends."""
        enough = threading.Event()

        def feeding() -> None:
            while not enough.is_set():
                self.feed(200)

        feeder = threading.Thread(target=feeding)
        feeder.start()
        try:
            yield
        finally:
            enough.set()
            feeder.join()


@pytest.fixture
def stage(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Stage:
    return Stage(broker, unique, tmp_path)


def next_offsets(handled: list[Position]) -> dict[int, int]:
    """Returns the offset after the last one handled, by partition."""
    ends: dict[int, int] = {}
    for partition, offset in handled:
        ends[partition] = max(ends.get(partition, 0), offset + 1)
    return ends


def test_commits_never_pass_a_slice_that_is_not_acknowledged(stage: Stage) -> None:
    stage.feed(1200)
    ends = stage.ends()
    with stage.toy("w", block_at=(0, 70), slice_max_records=20, stop_deadline=1.0) as worker:
        # Later slices of the blocked partition are acknowledged as well, as far as they are fetched.
        worker.wait_handled(sum(ends.values()) - ends[0] + 100)
        wait_until(lambda: {**stage.committed(), 0: ends[0]} == ends, "the other partitions committed")
        # A worker that cannot finish its slices does not hang at a stop, and commits nothing of them.
        assert worker.terminate() == EXIT_PROTECT
    after = stage.committed()
    assert 0 < after.pop(0) <= 70
    assert after == {partition: end for partition, end in ends.items() if partition != 0}


def test_slices_of_a_partition_are_handled_in_order_by_concurrent_agents(stage: Stage) -> None:
    stage.feed(4000)
    with stage.toy("w", concurrency=8, slice_max_records=20) as worker:
        wait_until(lambda: stage.committed() == stage.ends(), "everything committed")
        assert worker.terminate() == 0
    for partition, end in stage.ends().items():
        offsets = [offset for where, offset in worker.handled() if where == partition]
        assert offsets == list(range(end))


def test_a_clean_join_and_leave_under_load_repeats_nothing_and_loses_nothing(stage: Stage) -> None:
    workers: list[ToyProcess] = []
    with stage.load(), ExitStack() as running:

        def join() -> ToyProcess:
            worker = running.enter_context(stage.toy(f"w{len(workers)}"))
            workers.append(worker)
            worker.wait_handled(200)
            return worker

        def leave(worker: ToyProcess, *others: ToyProcess) -> None:
            assert worker.terminate() == 0
            for other in others:
                other.wait_handled(len(other.handled()) + 200)

        first, second, third = join(), join(), join()
        leave(second, first, third)
        leave(first, third)
        fourth = join()
        leave(third, fourth)
        leave(fourth)
    handled = Counter(position for worker in workers for position in worker.handled())
    assert [position for position, times in handled.items() if times > 1] == []
    ends = stage.committed()
    assert set(handled) == {(partition, offset) for partition, end in ends.items() for offset in range(end)}


def test_an_exception_in_an_agent_ends_the_process_and_acknowledges_nothing(stage: Stage) -> None:
    stage.feed(1200)
    with stage.toy("w", fail_at=(2, 100), slice_max_records=30) as worker:
        assert worker.exit_code() == EXIT_PROTECT
    assert stage.committed().get(2, 0) <= 100
    said = worker.said()
    assert said.count("stopping to protect data: ") == 1
    assert "ValueError" in said
    assert "this text must not be seen" not in said


def test_a_worker_that_dies_is_out_of_its_group_at_once(stage: Stage) -> None:
    stage.feed(1200)
    with stage.toy("dying", fail_at=(2, 0), session_timeout=LONG_SESSION) as worker:
        assert worker.exit_code() == EXIT_PROTECT
    wait_until(lambda: stage.members() == 0, "the dead worker is out of the group")
    # It did not give its partitions back, so its death counts.
    assert notes_of(stage.broker, stage.group)[stage.topic, 2].attempts == 1
    with stage.toy("next", session_timeout=LONG_SESSION) as worker:
        wait_until(lambda: stage.committed() == stage.ends(), "everything committed")
        assert worker.terminate() == 0


def test_sigterm_commits_everything_that_was_handled_and_leaves_the_rest(stage: Stage) -> None:
    # So slow a worker needs half a minute for these records, also if this test stands still meanwhile.
    stage.feed(40_000)
    with stage.toy("w", slowness=1.0) as worker:
        worker.wait_handled(300)
        assert worker.terminate() == 0
    assert stage.committed() == next_offsets(worker.handled())
    assert stage.committed() != stage.ends()
