"""How far a run has come, read from outside."""

from collections.abc import Callable
from time import monotonic, sleep
from typing import NamedTuple

from confluent_kafka import KafkaException

from tests.tools.bench.load import GroupProgress
from tests.tools.bench.peers.job import Job
from tests.tools.bench.processes import BenchFailed, Measured

_POLL_SECONDS = 0.05
_STILL_SECONDS = 90.0


class Stalled(BenchFailed):
    """A system runs and has work left, but does nothing more."""


class Goal(NamedTuple):
    """What a run has to do: so many records of its sources, and so many canonical events of them."""

    records: int
    events: int


class Position(NamedTuple):
    """`done`: the records done, in all stages of the shape together. `ended`: nothing is left to do."""

    done: int
    ended: bool


def position_by_commits(progress: GroupProgress, job: Job, goal: Goal, marks: int = 0) -> Position:
    """Returns what the run's group has committed. `marks`: how many offsets of a partition of the canonical
    topic it may leave uncommitted; 1 with transactions, because the mark of the last one has an offset."""
    done = sum(progress.committed(source) for source in job.sources)
    if not job.full:
        return Position(done, done >= goal.records)
    left = progress.left(job.events)
    # When the sources are done, everything that comes of it is on the canonical topic.
    ended = done >= goal.records and max(left.values()) <= marks
    return Position(done + progress.committed(job.events), ended)


def position_by_output(progress: GroupProgress, job: Job, goal: Goal) -> Position:
    """Returns what the run has written, for a system that commits nothing to Kafka and only maps."""
    written = progress.records(job.events)
    return Position(written, written >= goal.events)


def wait_until_ended(process: Measured, position: Callable[[], Position]) -> None:
    """Returns when nothing is left to do. Raises Stalled if nothing changes for long before that."""
    last, since = Position(-1, ended=False), monotonic()
    while not last.ended:
        process.check()
        try:
            present = position()
        except KafkaException:  # the broker does not know the leaders of topics that it has just created
            present = last
        if present != last:
            last, since = present, monotonic()
        if monotonic() - since > _STILL_SECONDS:
            raise Stalled(f"{max(last.done, 0):,} records done, then nothing for {_STILL_SECONDS:g} s")
        sleep(_POLL_SECONDS)
