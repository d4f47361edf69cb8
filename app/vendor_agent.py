"""A vendor's agent: makes canonical events and dead letters of slices of bodies."""

import logging
from collections import Counter
from collections.abc import Generator
from functools import partial
from time import perf_counter
from typing import Any, Final

from msgspec import Struct
from msgspec.json import Decoder

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.dead_letter_limit import DeadLetterLimit
from app.dead_letters import DeadLetterWriter, PreparedDeadLetter, SourceRecord
from app.engine import (
    LARGE_BYTES,
    PART_BYTES,
    GroupCommitProducer,
    Headers,
    InThread,
    MoreRoom,
    OnRefused,
    Pause,
    Record,
    Refusal,
    Slice,
    Step,
    UnreadRecord,
    Written,
    partition_of,
    size_of,
)
from app.metrics import Metrics
from app.outcome import SKIPPED, Dead, Emit, Skip
from app.slice_parts import WorkTimer, in_parts, is_large
from app.topics import OutputTopic
from app.vendors import Options, Vendor, convert
from app.vendors.unmapped_fields import unmapped_fields

# Looking for names that no mapper reads costs as much as mapping; a sample shows them all the same.
UNMAPPED_FIELDS_EVERY: Final = 32
# Of the longest bodies the look takes half a second.
_UNMAPPED_FIELDS_BYTES: Final = LARGE_BYTES

# A part with more events or dead letters than these is appended in pieces, and other tasks run between two.
# Parts of usual records are far smaller.
_PIECE_EVENTS: Final = 5_000
_PIECE_BYTES: Final = 8 << 20
_PIECE: Final = 200
# Whether a part is full is asked for each record with a larger body, and else for one of so many records.
_SHORT_BYTES: Final = 4_096
_ASK_EVERY: Final = 8
# A record with more headers is mapped in a thread, like one with a large body.
_MANY_HEADERS: Final = 1_000
# What the headers of a dead letter take in addition to those of its record.
_DEAD_LETTER_BYTES: Final = 2_000

_HEADERS: Final = (CONTENT_TYPE_HEADER,)
# A canonical event takes over only these headers of its record. W3C's Trace Context asks to pass on at least
# 512 characters of a `tracestate`; a header that is far longer counts as absent.
_TRACE: Final = ("traceparent", "tracestate")
_TRACE_BYTES: Final = 4096

logger = logging.getLogger(__name__)


class _Name(Struct):
    """The members of a canonical event that say which record it was made of, and of which type it is."""

    origin: str
    type: str


_names: Final = Decoder(_Name)


class VendorAgent:
    """Handles the slices of one vendor's topic."""

    def __init__(
        self,
        vendor: Vendor,
        options: Options,
        producer: GroupCommitProducer,
        events: OutputTopic,
        dead_letters: DeadLetterWriter,
        limit: DeadLetterLimit,
        metrics: Metrics,
    ) -> None:
        self._vendor = vendor
        self._options = options
        self._producer = producer
        self._events = events
        self._max_payload = events.max_payload(_HEADERS)
        self._dead_letters = dead_letters
        self._limit = limit
        self._metrics = metrics

    def process(self, slice_: Slice) -> Generator[Step, Any, None]:
        """Appends the events and dead letters of a slice part by part, and yields each part.

        Yields a Pause in place of a part, and appends nothing of it, if too many of the vendor's latest
        records are dead.
        """
        if slice_.skipped:
            skipped = self._skip(slice_)
            yield from self._append(skipped, WorkTimer())
            yield skipped
            return
        observe = self._metrics.stage_seconds.labels("map").observe
        yield from in_parts(slice_, self._make_part, observe)

    def _make_part(
        self, slice_: Slice, start: int, timer: WorkTimer
    ) -> Generator[Step, Any, "tuple[MappedPart, int] | None"]:
        """Maps and appends the records from the index `start` on that make a part (`MakePart`)."""
        mapped = MappedPart(self, slice_, start)
        if _is_large(slice_.records[start]):
            yield InThread(partial(self._map, mapped, timer, large=True))
        else:
            self._map(mapped, timer, large=False)
        timer.go_on()
        if (reason := self._limit.observe(mapped.slice, list(mapped.dead))) is not None:
            logger.warning("%s is paused: too many of its latest records are dead", self._vendor.name)
            yield Pause(reason, mapped.slice.first)
            return None
        yield from self._append(mapped, timer)
        timer.pause()
        return mapped, len(mapped.slice)

    def _map(self, mapped: "MappedPart", timer: WorkTimer, *, large: bool) -> None:
        """Maps the next records until the part is full. They are all large ones, for which a thread calls it,
        or none of them is."""
        timer.go_on()
        clock, slice_, options = perf_counter, mapped.slice, self._options
        partition = f"{slice_.topic}/{slice_.partition}"
        index, emitted = 0, 0
        for index, record in enumerate(slice_.records):
            # perf: saves 3 % of the mapping, as few records cost much alone; plain form: ask for each record.
            asks = large or not index % _ASK_EVERY or len(record.value or b"") > _SHORT_BYTES
            if (
                index
                and (asks or len(record.headers) > _MANY_HEADERS)
                and (mapped.size >= PART_BYTES or clock() >= timer.until or _is_large(record) is not large)
            ):
                break
            outcome = convert(self._vendor, record, partition, options)
            if isinstance(outcome, Emit):
                if self._keep(outcome, record.headers, mapped):
                    emitted += 1
                    if outcome.left_out:
                        mapped.left_out += outcome.left_out
                    continue
                outcome = self._too_large()
            elif isinstance(record, UnreadRecord):
                outcome = Dead("too_large", record.why)
            if isinstance(outcome, Dead):
                mapped.dead[index] = self._dead_letter(slice_, record, outcome)
                mapped.size += size_of(record) + _DEAD_LETTER_BYTES
            mapped.add(outcome)
        else:
            index += 1
        # perf: saves 10 % of the mapping, together with `_keep`; plain form: count each event that is kept.
        mapped.outcomes["emit", ""] += emitted
        mapped.events.update(mapped.types)
        mapped.slice = Slice(slice_.topic, slice_.partition, slice_.records[:index])
        timer.pause()

    def _skip(self, slice_: Slice) -> "MappedPart":
        """Returns the outcomes of records that an operator skips. They are not looked at."""
        mapped = MappedPart(self, slice_, 0)
        for index, record in enumerate(slice_.records):
            mapped.dead[index] = self._dead_letter(slice_, record, SKIPPED)
            mapped.add(SKIPPED)
        return mapped

    def _keep(self, outcome: Emit, given: Headers, mapped: "MappedPart") -> bool:
        """Keeps the record's events, encoded. Returns False, and keeps none of them, if one of them is too
        large for the canonical topic."""
        # The size of the body does not bound that of the event: its tenant and its id may come from headers.
        largest, headers = self._max_payload, None
        if given and (trace := trace_headers(given)):
            headers = (*_HEADERS, *trace)
            largest = self._events.max_payload(headers)
        keys, values, types, size = mapped.keys, mapped.values, mapped.types, 0
        first = len(keys)
        for event in outcome.events:
            key, value = event.partitionkey.encode(), encode_event(event)
            length = len(key) + len(value)
            if length > largest:
                del keys[first:], values[first:], types[first:]
                return False
            keys.append(key)
            values.append(value)
            types.append(event.type)
            size += length
        mapped.size += size
        if headers:
            mapped.headers.update(dict.fromkeys(range(first, len(keys)), headers))
        return True

    def _too_large(self) -> Dead:
        return Dead("too_large", f"its canonical event: expected at most {self._events.largest_record} bytes")

    def _append(self, mapped: "MappedPart", timer: WorkTimer) -> Generator[MoreRoom, Any, None]:
        """Appends a part. A large one is appended in pieces."""
        topic, partitions = self._events.topic, self._events.partitions
        append, headers, refused = self._producer.append, mapped.headers, mapped.refuse
        piece = mapped.piece()
        for index, (key, value) in enumerate(zip(mapped.keys, mapped.values, strict=True), 1):
            head = headers.get(index - 1, _HEADERS) if headers else _HEADERS
            append(topic, partition_of(key, partitions), key, value, headers=head, on_refused=refused)
            if not index % piece:
                yield from timer.let_others_run()
        for index, dead_letter in enumerate(mapped.dead.values(), 1):
            self._dead_letters.write(dead_letter)
            if not index % piece:
                yield from timer.let_others_run()
        mapped.appended()

    def _dead_letter(self, slice_: Slice, record: Record, dead: Dead) -> PreparedDeadLetter:
        source = SourceRecord(slice_.topic, slice_.partition, record.offset, self._vendor.name)
        return self._dead_letters.dead_letter(record, source, dead)

    def append_refused(self, mapped: "MappedPart") -> None:
        """Appends the dead letters of the records of which a broker refused an event.

        Other events of such a record may be in the topic, as after a repeat. They are true and harmless
        (docs/dead-letters.md#refusals).
        """
        late = {}
        for name, refusal in mapped.refused:
            index = mapped.slice.index_of(int(name.origin.rpartition("/")[2]))
            late[index] = self._too_large() if refusal is Refusal.SIZE else _NOT_TAKEN
            mapped.events[name.type] -= 1
        for index, dead in late.items():
            mapped.outcomes["emit", ""] -= 1
            mapped.add(dead)
            self._dead_letters.write(self._dead_letter(mapped.slice, mapped.slice.records[index], dead))
        self._limit.add_dead(mapped.slice, late)

    def count(self, mapped: "MappedPart") -> None:
        """Counts the outcomes of a part's records. Called when all of them are acknowledged."""
        name, metrics, records = self._vendor.name, self._metrics, mapped.slice.records
        metrics.received.labels(name).inc(len(records))
        for (outcome, reason), count in mapped.outcomes.items():
            metrics.records.labels(name, outcome, reason).inc(count)
        for kind, count in mapped.events.items():
            metrics.events.labels(name, kind).inc(count)
        if mapped.left_out:
            metrics.count_fields(metrics.left_out, name, mapped.left_out)
        most = min(self._options.max_record_bytes, _UNMAPPED_FIELDS_BYTES)
        for record in () if mapped.slice.skipped else records[::UNMAPPED_FIELDS_EVERY]:
            if record.value is not None and len(record.value) <= most:
                names = unmapped_fields(self._vendor, record.value)
                metrics.count_fields(metrics.not_mapped, name, names)


# The topic validates records and refused the event for its form, so the reason is that of a missing field.
_NOT_TAKEN: Final = Dead("schema", "its canonical event: expected a form that its topic takes")


def trace_headers(given: Headers) -> Headers:
    """Returns `traceparent` and `tracestate` of a record's headers, with names in lower case. If a name
    repeats, the last value wins. A value that is empty, is not UTF-8 or has more than _TRACE_BYTES counts as
    absent."""
    found = {lower: value for name, value in given if (lower := name.lower()) in _TRACE}
    return [(name, value) for name in _TRACE if (value := found.get(name)) and _is_usable(value)]


def _is_usable(value: bytes) -> bool:
    try:
        value.decode()
    except UnicodeDecodeError:
        return False
    return len(value) <= _TRACE_BYTES


def _is_large(record: Record) -> bool:
    """Returns whether a record is mapped in a thread."""
    return is_large(record) or len(record.headers) > _MANY_HEADERS


class MappedPart:
    """A part that an agent makes of a slice: the outcomes of its records.

    It keeps the events as bytes only, because the garbage collector would scan thousands of event objects.
    """

    def __init__(self, agent: VendorAgent, slice_: Slice, first: int) -> None:
        """`first`: the index of the part's first record in the slice."""
        self.slice = Slice(slice_.topic, slice_.partition, slice_.records[first:], skipped=slice_.skipped)
        """The records of the part. Until they are mapped, all those from the first one on."""
        self._agent = agent
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.types: list[str] = []
        self.headers: dict[int, Headers] = {}
        """By the index of the event; only if they are not the usual ones."""
        self.dead: dict[int, PreparedDeadLetter] = {}
        """By the index of the record in the part."""
        self.size = 0
        """The bytes of its events and dead letters."""
        self.outcomes: Counter[tuple[str, str]] = Counter()
        self.events: Counter[str] = Counter()
        self.left_out: list[str] = []
        self.refused: list[tuple[_Name, Refusal]] = []
        """The events that a broker refused."""
        # One object for the whole part, because the producer compares it with that of the record before.
        self.refuse: OnRefused = self._refuse

    def piece(self) -> int:
        """Returns how many records are appended before other tasks run."""
        outputs = len(self.keys) + len(self.dead)
        return _PIECE if self.size > _PIECE_BYTES or outputs > _PIECE_EVENTS else outputs + 1

    def appended(self) -> None:
        """Forgets what the producer has now."""
        self.keys, self.values, self.types, self.headers, self.dead = [], [], [], {}, {}

    def _refuse(self, event: Written, refusal: Refusal) -> None:
        """Called by the producer for each refused event, before it reports that the part is written."""
        self.refused.append((_names.decode(event.value or b""), refusal))

    def settle(self) -> bool:
        """Appends dead letters in place of refused events, and returns whether there were any. Called when
        everything that was appended is acknowledged (`Part`)."""
        if not self.refused:
            return False
        self._agent.append_refused(self)
        self.refused.clear()
        return True

    def count(self) -> None:
        """Counts the outcomes. Called when nothing is left to append (`Part`)."""
        self._agent.count(self)

    def add(self, outcome: Skip | Dead) -> None:
        """Adds the outcome of a record without events to the numbers that `count` counts."""
        kind = "skip" if isinstance(outcome, Skip) else "dead"
        self.outcomes[kind, outcome.reason] += 1
