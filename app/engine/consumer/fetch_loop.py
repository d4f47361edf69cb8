"""Fetches records and dispatches them, in slices, to the queues of the agents.

It tells `AssignmentState` what a fetch has read and does what that answers: a slice goes to its agent, or
what was read is dropped and its partition is rewound (docs/design.md#life-of-a-slice). Partitions without
room are left out, and so nothing piles up in front of an agent.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from time import monotonic

from faust.types import TP, ConsumerMessage

from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.backstop import Backstop
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.corrupt_batches import CorruptBatches
from app.engine.consumer.fetched import FetchedRange, Marks
from app.engine.consumer.gap_reports import report_gap
from app.engine.consumer.open_transactions import OpenTransactions
from app.engine.observer import EngineObserver
from app.engine.slices import InFlightSlice, Partition, Record, Slice

_FETCH_SECONDS = 0.25
"""How long a fetch may wait for records. It is short, because a seek waits for the fetch that began before
it, and because the watchdog knows from fetches that return that fetching works."""

_BACKPRESSURE_FETCH_SECONDS = 0.02
"""The same while some partition has no room: when it has room again, it must not wait for the next record of
the other partitions."""

_SUSPECT_FETCH_SECONDS = 0.05
"""The same for a partition that is read in short slices."""

Ranges = dict[Partition, list[FetchedRange]]


class FetchLoop:
    """The loop of one consumer. It runs while the gate is open."""

    def __init__(
        self,
        state: AssignmentState,
        client: ClientThread,
        backstop: Backstop,
        observer: EngineObserver,
        *,
        slice_records: int,
        active: Callable[[], set[TP]],
        deliver: Callable[[ConsumerMessage], Awaitable[None]],
    ) -> None:
        """`slice_records` is the largest number of records of a slice. `active` returns the partitions that
        Faust wants to have fetched. `deliver` puts a slice into the queue of its agent."""
        self.began: float | None = None
        """The monotonic time at which the running fetch began, or None."""
        self.open_transactions = OpenTransactions()
        self._state = state
        self._client = client
        self._backstop = backstop
        self._observer = observer
        self._slice_records = slice_records
        self._active = active
        self._deliver = deliver
        self._corrupt = CorruptBatches(state, self._read)
        self._marks: dict[Partition, Marks] = {}
        self._full: set[str] = set()
        self._full_since = 0.0
        self._open = asyncio.Event()
        self._room = asyncio.Event()

    def open(self) -> None:
        """Lets fetches begin."""
        self._open.set()
        self._room.set()

    def close(self) -> None:
        """Lets no further fetch begin until `open`."""
        self._note_pressure(set())
        self._open.clear()

    def look_for_room(self) -> None:
        """Ends a wait for room, because a slice is done, or a partition was paused or resumed."""
        self._room.set()

    async def run(self, stopping: Callable[[], bool]) -> None:
        """Fetches and dispatches until `stopping` returns true."""
        while not stopping():
            await self._open.wait()
            await self._fetch_once()

    async def _fetch_once(self) -> None:
        await self._rewind()
        epoch = self._state.start_fetch()
        await self._backstop.before_fetch()
        wanted = self._active() - self._state.paused.reasons.keys()
        room = self._state.fetchable((tp.topic, tp.partition) for tp in wanted)
        self._note_pressure(set() if len(room) == len(wanted) else self._state.full_topics(wanted))
        if epoch is None or not room:
            await self._wait_for_room()
            return
        self.began = monotonic()
        self._marks = {}
        try:
            found = await self._fetch(
                room, _FETCH_SECONDS if len(room) == len(wanted) else _BACKPRESSURE_FETCH_SECONDS
            )
        finally:
            self.began = None
        with_records = {each for each, ranges in found.items() if any(read.records for read in ranges)}
        await self._backstop.fetched(with_records, room)
        await self._dispatch(epoch, found)
        await self._rewind()

    def _note_pressure(self, full: set[str]) -> None:
        """Notes the topics that have a partition without room from now on."""
        now = monotonic()
        if self._full:
            self._observer.back_pressure(self._full, now - self._full_since)
        self._full, self._full_since = full, now

    async def _wait_for_room(self) -> None:
        self._room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), _FETCH_SECONDS)

    async def _rewind(self) -> None:
        targets = self._state.rewinds()
        if targets:
            await self._client.seek_all(targets)
            self._observer.rewound(len(targets))

    # -- fetch

    async def _fetch(self, room: set[Partition], seconds: float) -> Ranges:
        short = {each for each in room if self._state.attempts.slice_end(each) is not None}
        if not short:
            return await self._corrupt.read(room, seconds)
        found = await self._corrupt.read(room - short, _BACKPRESSURE_FETCH_SECONDS) if room - short else {}
        for partition in short:
            found |= await self._corrupt.read({partition}, _SUSPECT_FETCH_SECONDS)
        return found

    async def _read(self, some: Iterable[Partition], seconds: float) -> Ranges:
        some = set(some)
        most = min(map(self._state.attempts.records, some), default=self._slice_records)
        ranges, marks = await self._client.fetch(some, seconds, most)
        self._marks |= marks
        now = monotonic()
        for partition, each in marks.items():
            self.open_transactions.observe(partition, each, now)
        return ranges

    # -- dispatch

    async def _dispatch(self, epoch: int, found: Ranges) -> None:
        for partition, ranges in found.items():
            skips = self._state.paused.skips.get(partition, ())
            cut = self._state.attempts.slice_end(partition)
            for read in ranges:
                for part in read.parts(skips, cut):
                    await self._receive(epoch, partition, part)
        for partition, marks in self._marks.items():
            self._check_position(epoch, partition, marks.position)

    async def _receive(self, epoch: int, partition: Partition, read: FetchedRange) -> None:
        state, in_flight = self._state, None
        expected = state.gaps.expected(partition)
        if read.records:
            decision, in_flight = state.receive(
                epoch, partition, read.first, read.end - 1, monotonic(), read.size
            )
        else:
            decision = state.pass_over(epoch, partition, read.first, read.end)
        report_gap(self._observer, decision, partition, expected, read.first)
        if in_flight is not None:
            in_flight.timestamp = read.records[0].timestamp
            self._observer.slice_dispatched(*partition, len(read.records))
            await self._deliver(self._message(in_flight, read.records))

    def _check_position(self, epoch: int, partition: Partition, position: int) -> None:
        expected = self._state.gaps.expected(partition)
        decision = self._state.check_position(epoch, partition, position)
        report_gap(self._observer, decision, partition, expected, position)

    def _message(self, in_flight: InFlightSlice, records: Sequence[Record]) -> ConsumerMessage:
        topic, partition = in_flight.partition
        skipped = records[0].offset in self._state.paused.skips.get(in_flight.partition, ())
        return ConsumerMessage(
            topic=topic,
            partition=partition,
            offset=in_flight.last,
            timestamp=0.0,  # nobody reads it, and a record may have none
            timestamp_type=0,
            headers=None,
            key=None,
            value=Slice(topic, partition, records, in_flight, skipped=skipped),  # type: ignore[arg-type]
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=TP(topic, partition),
            generation_id=self._state.generation,
        )
