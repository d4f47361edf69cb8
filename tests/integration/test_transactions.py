"""Producers that write in transactions: worker processes without tables, on a real broker."""

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.engine.toy_process import Position, ToyProcess
from tests.engine.toy_worker import Toy
from tests.kafka import ToSend, committed, create_topics, end_offsets, produce
from tests.transactions import Transactions, transactions
from tests.waiting import wait_until

PARTITIONS = 3


class Stage:
    """A topic of which the records are written in transactions, and the toy workers of a group on it."""

    def __init__(self, broker: str, topic: str, group: str, folder: Path, running: ExitStack) -> None:
        self.broker = broker
        self.topic = topic
        self.committed: set[Position] = set()
        """The records of committed transactions, and those that were written without one."""
        self.aborted: set[Position] = set()
        self._group = group
        self._folder = folder
        self._running = running
        self._producers = [
            running.enter_context(transactions(broker, f"{topic}-{number}")) for number in range(PARTITIONS)
        ]
        create_topics(broker, {topic: PARTITIONS})

    def toy(self, name: str, **options: object) -> ToyProcess:
        toy = Toy(
            broker=self.broker,
            group=str(options.pop("group", self._group)),
            topic=self.topic,
            journal=str(self._folder / f"{name}.txt"),
            slice_max_records=7,
            **options,  # type: ignore[arg-type]
        )
        return self._running.enter_context(ToyProcess(toy))

    def begin(self, partition: int, count: int) -> tuple[Transactions, list[Position]]:
        producer = self._producers[partition]
        return producer, producer.begin(self.topic, records(partition, count))

    def write(self, rounds: int) -> None:
        """Writes committed and aborted transactions of many sizes, and records without a transaction."""
        for number in range(rounds):
            for partition in range(PARTITIONS):
                producer, positions = self.begin(partition, 1 + (number + partition) % 9)
                if number % 3:
                    producer.commit()
                    self.committed |= set(positions)
                else:
                    producer.abort()
                    self.aborted |= set(positions)
                if number % 4 == 0:
                    self.committed |= set(produce(self.broker, self.topic, records(partition, 2)))

    def is_at_rest(self, group: str = "") -> bool:
        """Whether the lag is 0: all is committed up to the high watermarks."""
        return committed(self.broker, group or self._group, self.topic) == end_offsets(
            self.broker, self.topic
        )


@pytest.fixture
def stage(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Iterator[Stage]:
    with ExitStack() as running:
        yield Stage(broker, unique("toy-source"), unique("toy"), tmp_path, running)


def records(partition: int, count: int) -> list[ToSend]:
    return [ToSend(b"k", b"x" * 20, [], None, partition)] * count


def gaps(*workers: ToyProcess) -> list[str]:
    return [line for worker in workers for line in worker.said().splitlines() if line.startswith("gap")]


def test_only_committed_records_are_handled_and_nothing_is_a_gap_or_lag(stage: Stage) -> None:
    stage.write(10)
    first = stage.toy("first")
    first.wait_handled(20)
    second = stage.toy("second")

    def written_until_joined() -> bool:
        stage.write(5)
        return bool(second.handled())

    wait_until(written_until_joined, "the second joins in the middle")
    wait_until(stage.is_at_rest, "no lag")
    stage.write(1)  # a transaction at a time, as they come
    wait_until(stage.is_at_rest, "no lag again")
    assert (first.terminate(), second.terminate()) == (0, 0)
    handled = Counter(first.handled() + second.handled())
    assert set(handled) == stage.committed
    assert max(handled.values()) == 1
    assert gaps(first, second) == []


def test_an_aborted_transaction_alone_is_no_lag(stage: Stage) -> None:
    """No record of it reaches an agent, so no slice could commit its end."""
    worker = stage.toy("w")
    for partition in range(PARTITIONS):
        producer, _ = stage.begin(partition, 20)
        producer.abort()
    wait_until(stage.is_at_rest, "no lag")
    assert worker.terminate() == 0
    assert worker.handled() == []
    assert gaps(worker) == []


def test_an_open_transaction_holds_back_its_partition_until_it_ends(stage: Stage) -> None:
    worker = stage.toy("w")
    producer, positions = stage.begin(0, 5)
    after = produce(stage.broker, stage.topic, records(0, 3) + records(1, 3))
    worker.wait_handled(3)
    wait_until(lambda: committed(stage.broker, stage._group, stage.topic).get(1) == 3, "the other goes on")
    assert worker.handled() == [(1, 0), (1, 1), (1, 2)]
    producer.commit()
    wait_until(lambda: len(worker.handled()) == len(positions) + len(after), "all are handled")
    wait_until(lambda: committed(stage.broker, stage._group, stage.topic).get(0) == 9, "all are committed")
    assert worker.terminate() == 0
    assert sorted(worker.handled()) == sorted(positions + after)
    assert gaps(worker) == []


def test_uncommitted_records_are_read_if_that_is_set(stage: Stage) -> None:
    stage.write(3)
    producer, positions = stage.begin(0, 5)
    worker = stage.toy("w", isolation_level="read_uncommitted")
    expected = stage.committed | stage.aborted | set(positions)
    worker.wait_handled(len(expected))
    wait_until(stage.is_at_rest, "no lag")
    producer.abort()
    wait_until(stage.is_at_rest, "no lag, though a control record came")
    assert worker.terminate() == 0
    assert sorted(worker.handled()) == sorted(expected)
    assert gaps(worker) == []
