"""A vendor's agent: slices of bodies in, canonical events and dead letters out."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.dead_limit import DeadLimit
from app.deadletter import DeadLetters, Origin
from app.lane import Record, Slice
from app.lane.partitioner import partition_of
from app.lane.producer import GroupProducer
from app.metrics import Metrics
from app.outcome import Dead, Emit, Outcome, Skip
from app.topics import Target
from app.vendors import Options, Vendor, convert
from app.vendors.census import names_not_mapped

# Looking for names that no mapper reads costs as much as mapping; a sample shows them all the same.
CENSUS_EVERY: Final = 32

_HEADERS: Final = (CONTENT_TYPE_HEADER,)

logger = logging.getLogger(__name__)


class VendorAgent:
    """Handles the slices of one vendor's topic."""

    def __init__(
        self,
        vendor: Vendor,
        options: Options,
        producer: GroupProducer,
        events: Target,
        letters: DeadLetters,
        limit: DeadLimit,
        metrics: Metrics,
    ) -> None:
        self._vendor = vendor
        self._options = options
        self._producer = producer
        self._events = events
        self._room = events.room(_HEADERS)
        self._letters = letters
        self._limit = limit
        self._metrics = metrics

    async def handle(self, records: Slice) -> None:
        """Returns when every event and dead letter of the slice is acknowledged by all in-sync replicas,
        or when the vendor is held, with nothing of the slice written.

        Nothing is awaited before the last append: slices of a partition keep their order by it.
        """
        started = time.perf_counter()
        tally = self._map(records)
        if (note := self._limit.holds(records, list(tally.dead))) is not None:
            logger.warning("%s is held: too many of its latest records are dead", self._vendor.name)
            records.hold(note)
            return
        self._append(records, tally)
        self._metrics.stage_seconds.labels("map").observe(time.perf_counter() - started)
        await self._producer.sync()
        self._count(tally, records.records)

    def _map(self, records: Slice) -> "Tally":
        tally = Tally()
        place = f"{records.topic}/{records.partition}"
        for index, record in enumerate(records.records):
            outcome = self._encoded(convert(self._vendor, record, place, self._options), tally)
            if isinstance(outcome, Dead):
                tally.dead[index] = outcome
            tally.add(outcome)
        return tally

    def _encoded(self, outcome: Outcome, tally: "Tally") -> Outcome:
        """Keeps the events of an `Emit`: all of them, or, where one is larger than the canonical topic
        takes, none, and the record is dead."""
        if not isinstance(outcome, Emit):
            return outcome
        encoded = [(event.partitionkey.encode(), encode_event(event)) for event in outcome.events]
        # Not to be told from the body's size: the tenant and the event's id may come from headers.
        room = self._room
        for key, value in encoded:
            if len(key) + len(value) > room:
                limit = self._events.largest_record
                return Dead("too_large", f"its canonical event: expected at most {limit} bytes")
        for key, value in encoded:
            tally.keys.append(key)
            tally.values.append(value)
        return outcome

    def _append(self, records: Slice, tally: "Tally") -> None:
        self._producer.enter(
            records.topic, records.partition, records.first, records.last, records.generation
        )
        topic, partitions = self._events.topic, self._events.partitions
        for key, value in zip(tally.keys, tally.values, strict=True):
            self._producer.append(topic, partition_of(key, partitions), key, value, headers=_HEADERS)
        for index, dead in tally.dead.items():
            record = records.records[index]
            origin = Origin(records.topic, records.partition, record.offset, self._vendor.name)
            self._letters.append(record, origin, dead)

    def _count(self, tally: "Tally", records: Sequence[Record]) -> None:
        name, metrics = self._vendor.name, self._metrics
        metrics.received.labels(name).inc(len(records))
        for (outcome, reason), count in tally.outcomes.items():
            metrics.records.labels(name, outcome, reason).inc(count)
        for kind, count in tally.events.items():
            metrics.events.labels(name, kind).inc(count)
        if tally.left_out:
            metrics.count_fields(metrics.left_out, name, tally.left_out)
        for record in records[::CENSUS_EVERY]:
            if record.value is not None and len(record.value) <= self._options.max_record_bytes:
                names = names_not_mapped(self._vendor, record.value)
                metrics.count_fields(metrics.not_mapped, name, names)


class Tally:
    """What becomes of a slice's records, before any of it is written.

    Of events only the bytes: thousands of live ones would be the garbage collector's to scan.
    """

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.dead: dict[int, Dead] = {}
        """By the record's index in the slice."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.events: Counter[str] = Counter()
        self.left_out: list[str] = []

    def add(self, outcome: Outcome) -> None:
        if type(outcome) is Emit:  # nearly always, and a class pattern costs as much as the counting
            self.outcomes["emit", ""] += 1
            for event in outcome.events:
                self.events[event.type] += 1
            self.left_out += outcome.left_out
            return
        match outcome:
            case Skip(reason):
                self.outcomes["skip", reason] += 1
            case Dead(reason, _):
                self.outcomes["dead", reason] += 1
