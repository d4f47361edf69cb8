"""Measures one system once: the cost of the records after a warm-up, and compares what it wrote."""

import dataclasses
import tempfile
import uuid
from collections.abc import Sequence
from contextlib import closing
from time import monotonic
from typing import Final, NamedTuple

from confluent_kafka.admin import AdminClient
from msgspec import Struct
from msgspec.structs import replace

from tests.kafka import create_topics, topic_names
from tests.tools.bench.load import GroupProgress, publish_to
from tests.tools.bench.peers.job import Job, Shape
from tests.tools.bench.peers.measurement import Measurement
from tests.tools.bench.peers.outputs import Outputs, difference, expected_outputs, written_events
from tests.tools.bench.peers.progress import Goal, Stalled, wait_until_ended
from tests.tools.bench.peers.system import System
from tests.tools.bench.peers.workloads import Workload
from tests.tools.bench.processes import BenchFailed, measured

# Plain Faust at times stops committing with work left.
_ATTEMPTS: Final = 3


class Length(Struct, frozen=True, kw_only=True):
    """The topics of a run, one for each vendor, and how many records they have together."""

    sources: tuple[str, ...]
    records: int


class Course(Struct, frozen=True, kw_only=True):
    """What all systems read, filled once. Both lengths begin with the same records; `short` has those of the
    warm-up only."""

    broker: str
    partitions: int
    workload: str
    short: Length
    long: Length

    def job(self, shape: Shape, name: str, length: Length) -> Job:
        """Returns a job with names that no other run has."""
        return Job(
            shape=shape,
            broker=self.broker,
            group=f"peers-{name}-{uuid.uuid4().hex[:8]}",
            sources=length.sources,
            partitions=self.partitions,
        )

    def expected(self, shape: Shape) -> "Expected":
        """Returns what every run of the shape has to write."""
        return Expected(
            *(expected_outputs(self.job(shape, "none", each)) for each in (self.short, self.long))
        )

    def delete_sources(self) -> None:
        delete_topics(self.broker, [*self.short.sources, *self.long.sources])


class Expected(NamedTuple):
    short: Outputs
    long: Outputs


class _Spent(NamedTuple):
    """What a process needed from its start until all was done."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    written: Outputs
    restarts: int


def filled(broker: str, partitions: int, workload: Workload, users: int, warm_up: int, events: int) -> Course:
    """Fills new topics with bodies of the workload: of so many users, if `users` is not 0."""
    mark = uuid.uuid4().hex[:8]
    lengths = [
        Length(sources=tuple(f"peers-{mark}-{name}-{vendor}" for vendor in workload.vendors), records=records)
        for name, records in (("warm-up", warm_up), ("bodies", warm_up + events))
    ]
    for length in lengths:
        create_topics(broker, dict.fromkeys(length.sources, partitions))
        topics = dict(zip(workload.vendors, length.sources, strict=True))
        publish_to(
            broker,
            ((topics[body.vendor], body.key, body.value) for body in workload.bodies(length.records, users)),
        )
    short, long = lengths
    return Course(broker=broker, partitions=partitions, workload=workload.name, short=short, long=long)


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
        short, long = (
            _run(
                system,
                course.job(shape, system.name, length),
                Goal(length.records, goal.events.total()),
                core,
            )
            for length, goal in ((course.short, expected.short), (course.long, expected.long))
        )
    except BenchFailed as failed:
        return replace(run, problem=str(failed))
    problem = difference(expected.long, long.written)
    if not problem and long.cpu_seconds <= short.cpu_seconds:
        problem = "the outputs are equal, but the run was too short to be measured"
    return replace(
        run,
        events=course.long.records - course.short.records,
        cpu_seconds=long.cpu_seconds - short.cpu_seconds,
        wall_seconds=long.wall_seconds - short.wall_seconds,
        peak_bytes=long.peak_bytes,
        restarts=short.restarts + long.restarts,
        problem=problem,
    )


def _run(system: System, job: Job, goal: Goal, core: int | None) -> _Spent:
    """Runs the system on the job, on new topics if it stops before the end. Raises BenchFailed."""
    for attempt in range(1, _ATTEMPTS + 1):
        job = dataclasses.replace(job, group=f"{job.group}-{attempt}")
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


def delete_topics(broker: str, names: Sequence[str]) -> None:
    admin = AdminClient({"bootstrap.servers": broker, "log_level": 0})
    for future in admin.delete_topics(list(names)).values() if names else ():
        future.result()
