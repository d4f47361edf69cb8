"""Writes the events of an import as a vendor's agent writes them: key, partition, headers."""

from collections.abc import Sequence

from app.canonical import CONTENT_TYPE_HEADER, Envelope, encode_event
from app.engine import partition_of
from app.outcome import Dead, Emit, Outcome
from app.tools.progress_line import RateLimit
from app.tools.topic_writer import Outgoing, TopicWriter


class SnapshotWriter:
    """Writes to the canonical topic."""

    def __init__(self, writer: TopicWriter, topic: str, partitions: int, limit: RateLimit) -> None:
        self._writer = writer
        self._topic = topic
        self._partitions = partitions
        self._limit = limit

    async def write(self, events: Sequence[Envelope]) -> dict[int, Dead]:
        """Returns when all in-sync replicas have the events: the index of each one that a broker refuses for
        itself, and why. Raises CommandFailed as `TopicWriter.write` does."""
        if not events:
            return {}
        await self._limit.wait(len(events))
        refused = await self._writer.write([self._outgoing(event) for event in events])
        return {
            index: Dead("too_large", f"its canonical event: the broker answers {error}")
            for index, error in refused.items()
        }

    async def write_outcomes(self, outcomes: Sequence[Outcome]) -> list[Outcome]:
        """Writes the events of all outcomes. Returns the outcomes, those of which a broker refuses an event
        as Dead. Raises as `write`."""
        events, owners = list[Envelope](), list[int]()
        for index, outcome in enumerate(outcomes):
            if isinstance(outcome, Emit):
                events += outcome.events
                owners += [index] * len(outcome.events)
        answers = list(outcomes)
        for index, dead in (await self.write(events)).items():
            answers[owners[index]] = dead
        return answers

    def _outgoing(self, event: Envelope) -> Outgoing:
        key = event.partitionkey.encode()
        partition = partition_of(key, self._partitions)
        return Outgoing(self._topic, partition, key, encode_event(event), (CONTENT_TYPE_HEADER,))
