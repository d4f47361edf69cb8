"""The canonical topics of a rebuild: which of their events the new rows are made of."""

from collections.abc import Callable
from contextlib import aclosing

from app.canonical import Event
from app.engine import LogPartition
from app.settings import Settings
from app.tools.connected import Logs
from app.tools.rebuilds.coverage import Coverage
from app.tools.rebuilds.rebuild_plan import RebuildPlan
from app.tools.rebuilds.rebuilt_rows import event_at_home


class RebuildSources:
    """The canonical topic, or a second one and the canonical topic. If both have events of one record of a
    vendor, those of the second one count."""

    def __init__(self, settings: Settings, plan: RebuildPlan) -> None:
        canonical = settings.topic_events
        self._settings = settings
        self._first = plan.source or canonical
        self.topics = [canonical] if self._first == canonical else [self._first, canonical]
        """In the order in which they are read."""
        self._coverage = Coverage()

    def is_covered(self, topic: str, event: Event) -> bool:
        """Returns whether an event of a topic is left out."""
        return topic != self._first and self._coverage.has(event.origin)

    async def cover(self, logs: Logs) -> None:
        """Notes which records of the vendors' topics the second canonical topic has the events of. Raises
        KafkaError."""
        if len(self.topics) > 1:
            for number in range(self._settings.partitions_events):
                log = LogPartition(self._first, number)
                ends = await logs.session.ends([log])
                async with aclosing(logs.session.read({log: (0, ends[log])})) as batches:
                    async for _, records, _ in batches:
                        for record in records:
                            self._coverage.read_headers(record.headers)
                            if event := event_at_home(record, number, self._settings.partitions_events):
                                self._coverage.add(event.origin)

    async def begun(self, logs: Logs) -> int:
        """Returns of how many partitions of the canonical topic the first records are gone. Raises
        KafkaError."""
        numbers = range(self._settings.partitions_events)
        firsts = await logs.session.beginnings(
            LogPartition(self._settings.topic_events, each) for each in numbers
        )
        return sum(first > 0 for first in firsts.values())

    async def each_event(self, logs: Logs, number: int, look: Callable[[bytes, Event], object]) -> None:
        """Calls `look` with each event of a partition that the rows are made of. Raises KafkaError."""
        for topic in self.topics:
            await self._look(logs, LogPartition(topic, number), look)

    async def _look(self, logs: Logs, log: LogPartition, look: Callable[[bytes, Event], object]) -> None:
        count = self._settings.partitions_events
        ends = await logs.session.ends([log])
        async with aclosing(logs.session.read({log: (0, ends[log])})) as batches:
            async for _, records, _ in batches:
                for record in records:
                    event = event_at_home(record, log.partition, count)
                    if event is not None and not self.is_covered(log.topic, event):
                        look(record.key or b"", event)
