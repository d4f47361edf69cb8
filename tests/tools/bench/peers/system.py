"""What the harness knows of a system: how it is started, and what it lacks here."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from app.vendors import VENDORS
from tests.kafka import create_topics
from tests.tools.bench.load import GroupProgress
from tests.tools.bench.peers.job import Job, Shape
from tests.tools.bench.peers.outputs import Rows, written_rows
from tests.tools.bench.peers.progress import Goal, Position, position_by_commits


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    program: str
    arguments: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)


def nothing() -> str:
    """Returns that nothing is missing."""
    return ""


def prepare_usual_topics(job: Job) -> None:
    """Creates the topics of the run that a system does not create itself."""
    create_topics(job.broker, {job.events: job.partitions})
    if job.full:
        create_topics(job.broker, dict.fromkeys(job.changelogs, job.partitions), cleanup_policy="compact")


@dataclass(frozen=True, slots=True, kw_only=True)
class System:
    """A system under test. `missing` returns what it lacks on this machine, or an empty text; `prepare` makes
    the topics of a run; `vendors` are those whose bodies it maps."""

    name: str
    title: str
    command: Callable[[Job], Command]
    shapes: Sequence[Shape] = ("map", "full")
    vendors: Sequence[str] = tuple(VENDORS)
    missing: Callable[[], str] = nothing
    prepare: Callable[[Job], None] = prepare_usual_topics
    position: Callable[[GroupProgress, Job, Goal], Position] = position_by_commits
    read_rows: Callable[[Job], Rows] = lambda job: written_rows(job.broker, job.changelogs)
