"""A vendor's agent: slices of bodies in, canonical events and dead letters out."""

import logging
import time
from collections import Counter
from collections.abc import Sequence
from typing import Final

from msgspec import Struct
from msgspec.json import Decoder

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.dead_limit import DeadLimit
from app.deadletter import DeadLetters, Origin
from app.lane import Record, Slice
from app.lane.partitioner import partition_of
from app.lane.producer import GroupProducer
from app.lane.refusals import Headers, OnRefused, Refusal, Written
from app.metrics import Metrics
from app.outcome import Dead, Emit, Outcome, Skip
from app.topics import Target
from app.vendors import Options, Vendor, convert
from app.vendors.census import names_not_mapped

# Looking for names that no mapper reads costs as much as mapping; a sample shows them all the same.
CENSUS_EVERY: Final = 32

_HEADERS: Final = (CONTENT_TYPE_HEADER,)
# The only headers that a canonical event takes over from its record. W3C's Trace Context wants 512
# characters of a `tracestate` to be passed on; what is far longer counts as none.
_TRACE: Final = ("traceparent", "tracestate")
_TRACE_BYTES: Final = 4096

logger = logging.getLogger(__name__)


class _Name(Struct):
    """The view of a canonical event that tells which record it is of."""

    origin: str
    type: str


_names: Final = Decoder(_Name)


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

        Nothing is awaited before the last append of an event: slices of a partition keep their order by it.
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
        if tally.refused:
            await self._bury(records, tally)
        self._count(tally, records.records)

    def _map(self, records: Slice) -> "Tally":
        tally = Tally()
        place = f"{records.topic}/{records.partition}"
        for index, record in enumerate(records.records):
            outcome = convert(self._vendor, record, place, self._options)
            if isinstance(outcome, Emit):
                outcome = self._encoded(outcome, record.headers, tally)
            if isinstance(outcome, Dead):
                tally.dead[index] = outcome
            tally.add(outcome)
        return tally

    def _encoded(self, outcome: Emit, given: Headers, tally: "Tally") -> Outcome:
        """Keeps the events: all of them or, if one is larger than can be written to the canonical topic,
        none, and the record is dead."""
        encoded = [(event.partitionkey.encode(), encode_event(event)) for event in outcome.events]
        # Not to be told from the body's size: the tenant and the event's id may come from headers.
        room, headers = self._room, None
        if given and (trace := trace_headers(given)):
            headers = (*_HEADERS, *trace)
            room = self._events.room(headers)
        for key, value in encoded:
            if len(key) + len(value) > room:
                return self._too_large()
        for key, value in encoded:
            if headers:
                tally.headers[len(tally.keys)] = headers
            tally.keys.append(key)
            tally.values.append(value)
        return outcome

    def _too_large(self) -> Dead:
        return Dead("too_large", f"its canonical event: expected at most {self._events.largest_record} bytes")

    def _append(self, records: Slice, tally: "Tally") -> None:
        self._producer.enter(
            records.topic, records.partition, records.first, records.last, records.generation
        )
        topic, partitions = self._events.topic, self._events.partitions
        append, headers, refused = self._producer.append, tally.headers, tally.refuse
        for index, (key, value) in enumerate(zip(tally.keys, tally.values, strict=True)):
            head = headers.get(index, _HEADERS) if headers else _HEADERS
            append(topic, partition_of(key, partitions), key, value, headers=head, on_refused=refused)
        for index, dead in tally.dead.items():
            self._bury_one(records, index, dead)

    def _bury_one(self, records: Slice, index: int, dead: Dead) -> None:
        record = records.records[index]
        origin = Origin(records.topic, records.partition, record.offset, self._vendor.name)
        self._letters.append(record, origin, dead)

    async def _bury(self, records: Slice, tally: "Tally") -> None:
        """Makes dead letters of the records of which the broker refused an event.

        Other events of such a record may be in the topic, as after a repeat: they are true, and harmless.
        """
        late = {}
        for name, refusal in tally.refused:
            index = records.index_of(int(name.origin.rpartition("/")[2]))
            late[index] = self._too_large() if refusal is Refusal.SIZE else _NOT_TAKEN
            tally.events[name.type] -= 1
        for index, dead in late.items():
            tally.outcomes["emit", ""] -= 1
            tally.add(dead)
            self._bury_one(records, index, dead)
        self._limit.add_dead(records, late)
        await self._producer.sync()

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


# The topic checks what is written to it and did not take the form: what it needed is not there.
_NOT_TAKEN: Final = Dead("schema", "its canonical event: expected a form that its topic takes")


def trace_headers(given: Headers) -> Headers:
    """`traceparent` and `tracestate` of a record's headers, by their lower-case names: of two of one name the
    last, none that is empty, not UTF-8 or over _TRACE_BYTES."""
    found = {lower: value for name, value in given if (lower := name.lower()) in _TRACE}
    return [(name, value) for name in _TRACE if (value := found.get(name)) and _is_usable(value)]


def _is_usable(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return len(value) <= _TRACE_BYTES


class Tally:
    """What becomes of a slice's records, before any of it is written.

    Of events only the bytes: thousands of live ones would be the garbage collector's to scan.
    """

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.headers: dict[int, Headers] = {}
        """By the event's index, where they are not the usual ones."""
        self.dead: dict[int, Dead] = {}
        """By the record's index in the slice."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.events: Counter[str] = Counter()
        self.left_out: list[str] = []
        self.refused: list[tuple[_Name, Refusal]] = []
        """The events that the broker did not take."""
        # One object for the whole slice: the producer compares it with that of the record before.
        self.refuse: OnRefused = self._refuse

    def _refuse(self, event: Written, refusal: Refusal) -> None:
        """Called by the producer, before it says that the slice is written."""
        self.refused.append((_names.decode(event.value or b""), refusal))

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
