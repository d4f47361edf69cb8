"""What a program under test is told: what to read, what to write and how much of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Self, cast

Shape = Literal["map", "full"]
"""`map`: bodies to canonical events. `full`: bodies to canonical events, and these to the rows of both
tables."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One run of one system. All systems read the same `sources`: a topic for each vendor, whose name ends
    with `-` and the vendor. Everything that a run writes has its `group` in its name."""

    shape: Shape
    broker: str
    group: str
    sources: tuple[str, ...]
    partitions: int

    @property
    def events(self) -> str:
        """The canonical topic of the run."""
        return f"{self.group}-events"

    @property
    def changelogs(self) -> tuple[str, str]:
        """The changelogs of users and loyalty, as Faust and Kafka Streams name them."""
        return f"{self.group}-users-changelog", f"{self.group}-loyalty-changelog"

    @property
    def full(self) -> bool:
        return self.shape == "full"

    def arguments(self) -> list[str]:
        """Returns the arguments of a program: SHAPE BROKER GROUP SOURCES EVENTS PARTITIONS. Commas separate
        the sources."""
        sources = ",".join(self.sources)
        return [self.shape, self.broker, self.group, sources, self.events, str(self.partitions)]

    @classmethod
    def of_arguments(cls, arguments: Sequence[str]) -> Self:
        """Returns the job that `arguments` describes."""
        shape, broker, group, sources, _, partitions = arguments
        return cls(
            shape=cast(Shape, shape),
            broker=broker,
            group=group,
            sources=tuple(sources.split(",")),
            partitions=int(partitions),
        )
