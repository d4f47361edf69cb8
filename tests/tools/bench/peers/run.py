"""Measures one system once: the cost of the records after a warm-up, and compares what it wrote."""

import tempfile
import uuid
from contextlib import closing
from time import monotonic
from typing import Final, NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from tests.kafka import create_topics, topic_names
from tests.tools.bench.load import GroupProgress, delete_topics, publish_to
from tests.tools.bench.peers.job import Job, Shape
from tests.tools.bench.peers.measurement import Measurement
from tests.tools.bench.peers.outputs import Outputs, difference, expected_outputs, written_events
from tests.tools.bench.peers.progress import Goal, Stalled, wait_until_ended
from tests.tools.bench.peers.system import System
from tests.tools.bench.peers.workloads import Workload
from tests.tools.bench.processes import BenchFailed, measured

# Plain Faust at times stops committing with work left.
_ATTEMPTS: Final = 3


class Sources(Struct, frozen=True, kw_only=True):
    """Topics, one for each vendor of a workload, and how many records they have together."""

    topics: tuple[str, ...]
    records: int


class Expected(NamedTuple):
    """What a run has to write: of the warm-up only, and of everything."""

    warm_up: Outputs
    whole: Outputs


class Course(Struct, frozen=True, kw_only=True):
    """What all systems read, filled once. `whole` begins with the records of `warm_up`."""

    broker: str
    partitions: int
    workload: str
    warm_up: Sources
    whole: Sources

    def job(self, shape: Shape, name: str, sources: Sources) -> Job:
        """Returns a job with names that no other run has."""
        return Job(
            shape=shape,
            broker=self.broker,
            group=f"peers-{name}-{uuid.uuid4().hex[:8]}",
            sources=sources.topics,
            partitions=self.partitions,
        )

    def expected(self, shape: Shape) -> Expected:
        """Returns what every run of the shape has to write."""
        warm_up, whole = (
            expected_outputs(self.job(shape, "expected", sources)) for sources in (self.warm_up, self.whole)
        )
        return Expected(warm_up, whole)

    def delete_topics(self) -> None:
        """Deletes the topics that all systems read."""
        delete_topics(self.broker, [*self.warm_up.topics, *self.whole.topics])


class _Spent(NamedTuple):
    """What a process needed from its start until all was done."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    written: Outputs
    restarts: int


def filled(broker: str, partitions: int, workload: Workload, users: int, warm_up: int, events: int) -> Course:
    """Returns new topics with so many bodies of the workload. `users`: of so many users; 0 for the workload's
    own number."""
    mark = uuid.uuid4().hex[:8]

    def sources(name: str, records: int) -> Sources:
        topics = {vendor: f"peers-{mark}-{name}-{vendor}" for vendor in workload.vendors}
        create_topics(broker, dict.fromkeys(topics.values(), partitions))
        bodies = workload.bodies(records, users)
        publish_to(broker, ((topics[body.vendor], body.key, body.value) for body in bodies))
        return Sources(topics=tuple(topics.values()), records=records)

    return Course(
        broker=broker,
        partitions=partitions,
        workload=workload.name,
        warm_up=sources("warm-up", warm_up),
        whole=sources("bodies", warm_up + events),
    )


def measure(
    system: System, course: Course, shape: Shape, number: int, expected: Expected, core: int | None
) -> Measurement:
    """Returns the figures of a round, or the problem because of which it does not count.

    The system runs twice, first with the records of the warm-up only. What it needs more in the second run is
    what the other records cost: without its start, and without what a JVM compiles at first. A reading in the
    middle of one run would not do: with all records there from the beginning, some systems have mapped all of
    them before they write the first row, and others do both in turn.
    """
    run = Measurement(workload=course.workload, shape=shape, system=system.name, round=number)
    try:
        short = _run(system, course, shape, course.warm_up, expected.warm_up, core)
        long = _run(system, course, shape, course.whole, expected.whole, core)
    except BenchFailed as failed:
        return replace(run, problem=str(failed))
    problem = difference(expected.whole, long.written)
    if not problem and long.cpu_seconds <= short.cpu_seconds:
        problem = "the outputs are equal, but the run was too short to be measured"
    return replace(
        run,
        events=course.whole.records - course.warm_up.records,
        cpu_seconds=long.cpu_seconds - short.cpu_seconds,
        wall_seconds=long.wall_seconds - short.wall_seconds,
        peak_bytes=long.peak_bytes,
        restarts=short.restarts + long.restarts,
        problem=problem,
    )


def _run(
    system: System, course: Course, shape: Shape, sources: Sources, expected: Outputs, core: int | None
) -> _Spent:
    """Runs the system on the sources, and on new topics again if it stops before the end. Raises
    BenchFailed."""
    goal = Goal(sources.records, expected.events.total())
    for attempt in range(1, _ATTEMPTS + 1):
        job = course.job(shape, system.name, sources)
        try:
            return _run_once(system, job, goal, core)._replace(restarts=attempt - 1)
        except Stalled:
            if attempt == _ATTEMPTS:
                raise
        finally:
            # Makes room: a run writes more than a gigabyte.
            delete_topics(job.broker, [name for name in topic_names(job.broker) if job.group in name])
    raise AssertionError


def _run_once(system: System, job: Job, goal: Goal, core: int | None) -> _Spent:
    system.prepare(job)
    command = system.command(job)
    began = monotonic()
    with (
        tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder,
        measured(
            command.arguments,
            core,
            # Each system keeps its files in the folder, whether it knows a name for it or not.
            {"TMPDIR": folder, "FAUST_DATADIR": folder, **command.environment},
            program=command.program,
        ) as process,
        closing(GroupProgress(job.broker, job.group)) as progress,
    ):
        wait_until_ended(process, lambda: system.position(progress, job, goal))
        spent = process.cpu_seconds(), monotonic() - began, process.peak_bytes()
    written = Outputs(written_events(job.broker, job.events), system.read_rows(job) if job.full else {})
    return _Spent(*spent, written, restarts=0)
