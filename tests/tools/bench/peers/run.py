"""Measures one system once: the cost of the records after a warm-up, and compares what it wrote."""

import tempfile
import uuid
from contextlib import closing
from dataclasses import replace
from time import monotonic
from typing import Final, NamedTuple

from confluent_kafka.admin import AdminClient
from msgspec import Struct

from tests.kafka import topic_names
from tests.tools.bench.load import GroupProgress
from tests.tools.bench.peers.job import Job, Shape
from tests.tools.bench.peers.measurement import Measurement
from tests.tools.bench.peers.outputs import Outputs, difference, written_outputs
from tests.tools.bench.peers.progress import Stalled, wait_until_ended
from tests.tools.bench.peers.system import System
from tests.tools.bench.processes import BenchFailed, measured

# Plain Faust at times stops committing with work left.
_ATTEMPTS: Final = 3


class Course(Struct, frozen=True, kw_only=True):
    """The two topics that all systems read, each filled once: `source` has `events` records more than
    `warm_up_source`, and begins with the same `warm_up` ones."""

    broker: str
    partitions: int
    warm_up_source: str
    source: str
    warm_up: int
    events: int

    def job(self, shape: Shape, name: str, source: str) -> Job:
        """Returns a job with names that no other run has."""
        return Job(
            shape=shape,
            broker=self.broker,
            group=f"peers-{name}-{uuid.uuid4().hex[:8]}",
            source=source,
            partitions=self.partitions,
        )


class _Spent(NamedTuple):
    """What a process needed from its start until all was done."""

    cpu_seconds: float
    wall_seconds: float
    peak_bytes: int
    written: Outputs
    restarts: int


def measure(
    system: System, course: Course, shape: Shape, number: int, expected: Outputs, core: int | None
) -> Measurement:
    """Returns the figures of a round, or the problem because of which it does not count.

    The system runs twice, first with the records of the warm-up only. What it needs more in the second run is
    what the other records cost: without its start, and without what a JVM compiles at first. A reading in the
    middle of one run would not do: with all records there from the beginning, some systems have mapped all of
    them before they write the first row, and others do both in turn.
    """
    try:
        short = _run(system, course.job(shape, system.name, course.warm_up_source), course.warm_up, core)
        job = course.job(shape, system.name, course.source)
        long = _run(system, job, course.warm_up + course.events, core)
    except BenchFailed as failed:
        return Measurement(shape=shape, system=system.name, round=number, problem=str(failed))
    problem = difference(expected, long.written)
    if not problem and long.cpu_seconds <= short.cpu_seconds:
        problem = "the outputs are equal, but the run was too short to be measured"
    return Measurement(
        shape=shape,
        system=system.name,
        round=number,
        events=course.events,
        cpu_seconds=long.cpu_seconds - short.cpu_seconds,
        wall_seconds=long.wall_seconds - short.wall_seconds,
        peak_bytes=long.peak_bytes,
        restarts=short.restarts + long.restarts,
        problem=problem,
    )


def _run(system: System, job: Job, total: int, core: int | None) -> _Spent:
    """Runs the system on the job, on new topics if it stops before the end. Raises BenchFailed."""
    for attempt in range(1, _ATTEMPTS + 1):
        job = replace(job, group=f"{job.group}-{attempt}")
        try:
            return _run_once(system, job, total, core)._replace(restarts=attempt - 1)
        except Stalled:
            if attempt == _ATTEMPTS:
                raise
        finally:
            _delete_topics(job)
    raise AssertionError


def _run_once(system: System, job: Job, total: int, core: int | None) -> _Spent:
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
        wait_until_ended(process, lambda: system.position(progress, job, total))
        spent = process.cpu_seconds(), monotonic() - began, process.peak_bytes()
    return _Spent(*spent, written_outputs(job, system.read_rows), restarts=0)


def _delete_topics(job: Job) -> None:
    """Makes room: a run writes more than a gigabyte."""
    names = [name for name in topic_names(job.broker) if job.group in name]
    admin = AdminClient({"bootstrap.servers": job.broker, "log_level": 0})
    for future in admin.delete_topics(names).values() if names else ():
        future.result()
