"""A vendor's agent: makes canonical events and dead letters of slices of bodies."""

import logging
from collections.abc import Generator
from functools import partial
from time import perf_counter
from typing import Any, Final

from app.canonical import CONTENT_TYPE_HEADER, encode_event
from app.dead_letter_limit import DeadLetterLimit
from app.dead_letters import DeadLetterWriter, PreparedDeadLetter, SourceRecord
from app.engine import (
    PART_BYTES,
    GroupCommitProducer,
    Headers,
    InThread,
    MoreRoom,
    Pause,
    Record,
    Refusal,
    Slice,
    Step,
    UnreadRecord,
    partition_of,
    size_of,
)
from app.mapped_part import MappedPart
from app.metrics import Metrics
from app.outcome import SKIPPED, Dead, Emit
from app.outcome_counter import OutcomeCounter
from app.slice_parts import WorkTimer, in_parts, is_large
from app.topics import OutputTopic
from app.trace_headers import trace_headers
from app.vendors import Options, Vendor, convert

# Whether a part is full is asked for each record with a larger body, and else for one of so many records.
_SHORT_BYTES: Final = 4_096
_ASK_EVERY: Final = 8
# A record with more headers is mapped in a thread, like one with a large body.
_MANY_HEADERS: Final = 1_000
# What the headers of a dead letter take in addition to those of its record.
_DEAD_LETTER_BYTES: Final = 2_000
# The topic validates records and refused the event for its form, so the reason is that of a missing field.
_NOT_TAKEN: Final = Dead("schema", "its canonical event: expected a form that its topic takes")

_HEADERS: Final = (CONTENT_TYPE_HEADER,)

logger = logging.getLogger(__name__)


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
        self._counter = OutcomeCounter(vendor, options, metrics)

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
    ) -> Generator[Step, Any, tuple[MappedPart, int] | None]:
        """Maps and appends the records from the index `start` on that make a part (`MakePart`)."""
        mapped = MappedPart(slice_, start, self._counter, self._append_refused)
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

    def _map(self, mapped: MappedPart, timer: WorkTimer, *, large: bool) -> None:
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
                        mapped.outcomes.left_out += outcome.left_out
                    continue
                outcome = self._too_large()
            elif isinstance(record, UnreadRecord):
                outcome = Dead("too_large", record.why)
            if isinstance(outcome, Dead):
                mapped.dead[index] = self._dead_letter(slice_, record, outcome)
                mapped.size += size_of(record) + _DEAD_LETTER_BYTES
            mapped.outcomes.add(outcome, record)
        else:
            index += 1
        # perf: saves 10 % of the mapping, together with `_keep`; plain form: count each event that is kept.
        mapped.outcomes.records["emit", ""] += emitted
        mapped.outcomes.events.update(mapped.types)
        mapped.slice = Slice(slice_.topic, slice_.partition, slice_.records[:index])
        timer.pause()

    def _skip(self, slice_: Slice) -> MappedPart:
        """Returns the outcomes of records that an operator skips. They are not looked at."""
        mapped = MappedPart(slice_, 0, self._counter, self._append_refused)
        for index, record in enumerate(slice_.records):
            mapped.dead[index] = self._dead_letter(slice_, record, SKIPPED)
            mapped.outcomes.add(SKIPPED, record)
        return mapped

    def _keep(self, outcome: Emit, given: Headers, mapped: MappedPart) -> bool:
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

    def _append(self, mapped: MappedPart, timer: WorkTimer) -> Generator[MoreRoom, Any, None]:
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

    def _append_refused(self, mapped: MappedPart) -> None:
        """Appends the dead letters of the records of which a broker refused an event.

        Other events of such a record may be in the topic, as after a repeat. They are true and harmless
        (docs/dead-letters.md#refusals).
        """
        late = {}
        for name, refusal in mapped.refused:
            index = mapped.slice.index_of(int(name.origin.rpartition("/")[2]))
            late[index] = self._too_large() if refusal is Refusal.SIZE else _NOT_TAKEN
            mapped.outcomes.events[name.type] -= 1
        for index, dead in late.items():
            mapped.outcomes.records["emit", ""] -= 1
            record = mapped.slice.records[index]
            mapped.outcomes.add(dead, record)
            self._dead_letters.write(self._dead_letter(mapped.slice, record, dead))
        self._limit.add_dead(mapped.slice, late)


def _is_large(record: Record) -> bool:
    """Returns whether a record is mapped in a thread."""
    return is_large(record) or len(record.headers) > _MANY_HEADERS
