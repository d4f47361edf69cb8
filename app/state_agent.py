"""The state agent: applies slices of canonical events to the rows of both tables."""

from collections import deque
from collections.abc import Generator, Sequence
from functools import partial
from time import perf_counter
from typing import Any, Final

from msgspec import Struct

from app.applied_events import AppliedEvents
from app.applied_part import AppliedPart, Verdict
from app.canonical import Event
from app.canonical_records import event_of, memory_of, objection
from app.dead_letters import DeadLetterWriter, SourceRecord
from app.engine import (
    LARGE_BYTES,
    GroupCommitProducer,
    InThread,
    MoreRoom,
    Record,
    Slice,
    Step,
    UserTables,
    partition_of,
)
from app.key_state import KeyState, KeyTables
from app.keys import key_of
from app.metrics import Metrics
from app.outcome import SKIPPED, Dead
from app.slice_parts import WorkTimer, in_parts, is_large
from app.topics import OutputTopic

# A part ends when its events and rows have so much memory. That is more than a slice of usual events needs.
_PART_BYTES: Final = 12 << 20
# A value that is not longer has no room for many arrays and objects.
_SHORT_BYTES: Final = 4096


class _Ahead(Struct, gc=False):
    """The event of a record and the rows of its key, which a thread has decoded because they are large."""

    event: Event | Dead
    state: KeyState | None = None


class _Part(Struct, gc=False):
    """The next records of a slice that are handled together."""

    partition: int
    records: Sequence[Record]
    verdicts: list[Verdict]
    """One on each record."""
    keys: dict[bytes, list[int]]
    """The indexes of the records of each key. The events of a key are applied one after the other, so only
    the events and rows of one key are decoded at a time."""
    tables: KeyTables
    ahead: _Ahead | None
    """What a thread has decoded of the first record."""
    applied: AppliedEvents
    interrupted: bool = False
    """Whether other tasks have run since the rows of the key at work were read. The repair of a changelog or
    the end of a grace period may have changed them then."""

    def state_of(self, key: bytes) -> KeyState:
        """Returns the rows of the next key at work."""
        self.interrupted = False
        state = None if self.ahead is None else self.ahead.state
        if state is not None and state.key == key and state.is_stored():
            return state
        return self.tables.read(key)

    def event_of(self, index: int, record: Record) -> Event | Dead:
        """Returns the event of the record with this index, or why it is none."""
        if index or self.ahead is None:
            return event_of(record)
        event, self.ahead = self.ahead.event, None
        return event


class StateAgent:
    """Handles the slices of the canonical topic. No other agent writes the tables."""

    def __init__(
        self,
        tables: UserTables,
        producer: GroupCommitProducer,
        rows: OutputTopic,
        dead_letters: DeadLetterWriter,
        metrics: Metrics,
    ) -> None:
        """`rows`: the changelog that accepts the smaller records of the two."""
        self._tables = tables
        self._producer = producer
        self._rows = rows
        self._dead_letters = dead_letters
        self._metrics = metrics

    def process(self, slice_: Slice) -> Generator[Step, Any, None]:
        """Applies the events of a slice part by part. Appends the rows that a part has changed, and dead
        letters for its records that are no usable events, and yields the part.

        A slice is usually one part, so that each of its keys is written once.
        """
        if slice_.skipped:
            skipped: list[Verdict] = [SKIPPED] * len(slice_)
            self._append_dead(slice_, 0, skipped)
            yield AppliedPart(skipped, self._metrics)
            return
        observe = self._metrics.stage_seconds.labels("apply").observe
        yield from in_parts(slice_, self._make_part, observe)

    def _make_part(
        self, slice_: Slice, start: int, timer: WorkTimer
    ) -> Generator[Step, Any, tuple[AppliedPart, int]]:
        """Applies and appends the records from the index `start` on that make a part (`MakePart`)."""
        record, partition, ahead = slice_.records[start], slice_.partition, None
        if is_large(record) or self._has_large_rows(record.key or b"", partition):
            ahead = yield InThread(partial(self._decode_ahead, record, partition))
        timer.go_on()
        part = self._next_part(slice_, start, ahead)
        yield from self._apply_part(part, timer)
        self._append_dead(slice_, start, part.verdicts)
        timer.pause()
        return AppliedPart(part.verdicts, self._metrics, part.applied), len(part.records)

    def _has_large_rows(self, key: bytes, partition: int) -> bool:
        tables = self._open(partition)
        return tables.users.size(key) + tables.loyalty.size(key) > LARGE_BYTES

    def _decode_ahead(self, record: Record, partition: int) -> _Ahead:
        """Decodes a record and the rows of its key. A thread calls it."""
        event = event_of(record)
        if isinstance(event, Dead):
            return _Ahead(event)
        state = self._open(partition).read(key_of(event.vendor, event.tenant, event.data.user["sub"]))
        state.read_loyalty()
        return _Ahead(event, state)

    def _open(self, partition: int) -> KeyTables:
        return KeyTables(self._tables.users.live(partition), self._tables.loyalty.live(partition), self._rows)

    def _next_part(self, slice_: Slice, start: int, ahead: _Ahead | None) -> _Part:
        """Returns the records from the index `start` on that make a part: until it takes too much memory, or
        until a record is next that a thread has to decode."""
        tables, records, end = self._open(slice_.partition), slice_.records, len(slice_.records)
        size_of_user, size_of_loyalty = tables.users.size, tables.loyalty.size
        keys: dict[bytes, list[int]] = {}
        memory = 0
        for index in range(start, end):
            record = records[index]
            value = record.value or b""
            if index > start and (memory >= _PART_BYTES or len(value) > LARGE_BYTES):
                end = index
                break
            key = record.key or b""
            if key in keys:
                keys[key].append(index - start)
            else:
                size = size_of_user(key) + size_of_loyalty(key)
                if index > start and size > LARGE_BYTES:
                    end = index
                    break
                # perf: saves the call for most rows; plain form: `tables.memory_of` all.
                memory += size if size <= _SHORT_BYTES else tables.memory_of(key)
                keys[key] = [index - start]
            # perf: the same for the values; plain form: `memory_of`.
            memory += len(value) if len(value) <= _SHORT_BYTES else memory_of(value)
        verdicts: list[Verdict] = [SKIPPED] * (end - start)
        return _Part(slice_.partition, records[start:end], verdicts, keys, tables, ahead, AppliedEvents())

    def _apply_part(self, part: _Part, timer: WorkTimer) -> Generator[MoreRoom, Any, None]:
        """Applies the events of a part key by key, and appends the rows that they change."""
        verdicts = part.verdicts
        for key, indexes in part.keys.items():
            state = part.state_of(key)
            is_home = partition_of(key, self._tables.partitions) == part.partition
            for index in indexes:
                record = part.records[index]
                if perf_counter() >= timer.until:
                    yield from self._pause(part, timer)
                event = part.event_of(index, record)
                if isinstance(event, Dead):
                    verdicts[index] = event
                else:
                    verdicts[index] = objection(event, record, is_home) or state.apply(index, event)
            part.applied.add(state.applied)
            if (part.interrupted and not state.is_stored()) or not state.put():
                yield from self._one_by_one(part, state, timer)
        self._append_rows(part)

    def _pause(self, part: _Part, timer: WorkTimer) -> Generator[MoreRoom, Any, None]:
        """Lets other tasks run. What is put must be on its way to the changelog by then."""
        self._append_rows(part)
        yield from timer.let_others_run()
        part.interrupted = True

    def _one_by_one(self, part: _Part, state: KeyState, timer: WorkTimer) -> Generator[MoreRoom, Any, None]:
        """Applies the events of one key a second time, one by one, to the rows as they are in the tables. An
        event after which a row is too large is dead.

        This encodes the rows once for each event. It is needed only if somebody writes huge events, or if
        another task has changed the rows.
        """
        events = deque(state.applied)
        dead = Dead("too_large", f"its row: expected at most {part.tables.largest} bytes")
        while events:
            state = part.tables.read(state.key)
            while events:
                index, event = events.popleft()
                user, loyalty = state.user, state.loyalty
                part.verdicts[index] = state.apply(index, event)
                if not state.put(again=True):
                    state.user, state.loyalty = user, loyalty
                    part.verdicts[index] = dead
                if perf_counter() >= timer.until:
                    yield from self._pause(part, timer)
                    break

    def _append_rows(self, part: _Part) -> None:
        """Appends the rows that were put since the last call."""
        for table in (self._tables.users, self._tables.loyalty):
            table.live(part.partition).append_changed(
                self._producer, table.changelog_topic_name, part.partition
            )

    def _append_dead(self, slice_: Slice, start: int, verdicts: Sequence[Verdict]) -> None:
        """Appends the dead letters of the records from the index `start` on, by the verdicts on them."""
        for index, verdict in enumerate(verdicts, start):
            if isinstance(verdict, Dead):
                record = slice_.records[index]
                source = SourceRecord(slice_.topic, slice_.partition, record.offset, "canonical")
                self._dead_letters.append(record, source, verdict)
