"""Faust's consumer with one event per slice. It carries events to the desk and does what it says."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from contextlib import suppress
from math import inf
from time import monotonic
from typing import Any

from aiokafka.errors import ConsumerStoppedError, CorruptRecordException, KafkaError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP, ConsumerMessage

from app.lane.agent import describe
from app.lane.ages import Ages
from app.lane.config import LaneConfig
from app.lane.desk import PartitionDesk, Pressure
from app.lane.fatal import die
from app.lane.hangs import Sight
from app.lane.offsets import Flight, SliceOrderError
from app.lane.slices import Partition, Record, Slice, split_by_bytes
from app.lane.tally import LaneStats, Tally
from app.lane.thread import LaneThread

_FETCH_SECONDS = 0.25
"""An idle fetch returns after this long. A seek waits for a fetch from before it; and that fetches
return is what tells the watchdog that fetching works."""

_PRESSED_SECONDS = 0.02
"""The same while some partition waits for room: it must not wait for the others' next record."""

_RETRY_SECONDS = 0.2
"""Between two attempts to read the committed offsets while the broker is away."""


_REPORT_SECONDS = 60.0

logger = logging.getLogger(__name__)


class NotRecorded(Exception):
    """The release of a hold was not committed."""


class LaneConsumer(driver.Consumer):
    """Created by Faust through `LaneTransport`."""

    _thread: LaneThread

    def __post_init__(self) -> None:
        super().__post_init__()
        self.config: LaneConfig = self.transport.config  # type: ignore[attr-defined]
        self.desk = PartitionDesk(
            Pressure(self.config.slices_per_partition, self.config.records_per_topic),
            check_continuity=self.config.continuity_check,
        )
        self._tally = Tally(self.transport.observer)  # type: ignore[attr-defined]
        self.ages = Ages()
        self.last_fetch = 0.0
        """Monotonic time at which the last fetch returned; 0.0 before the first."""
        self._fetch_began: float | None = None
        self._corrupt: dict[Partition, float] = {}
        """Partitions with a wrong checksum, and when that was reported last."""
        self._singly = False
        """Whether partitions are read one by one, so that a broken one takes no other along."""
        self._generation = -1
        self._open = asyncio.Event()
        self._room = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._commit_lock = asyncio.Lock()
        self._quiesce_lock = asyncio.Lock()

    def _new_consumer_thread(self) -> LaneThread:
        thread = LaneThread(self, loop=self.loop, beacon=self.beacon)
        thread.config = self.config
        return thread

    # -- what health, watchdog and lease ask

    @property
    def stats(self) -> LaneStats:
        return self._tally.stats

    def last_heartbeat_age(self) -> float:
        """Seconds since the last heartbeat that the group coordinator answered; `inf` before it."""
        last = self._thread.last_heartbeat
        return monotonic() - last if last else inf

    def fetch_age(self) -> float:
        """Seconds for which the running fetch has not returned; 0.0 if none runs."""
        return 0.0 if self._fetch_began is None else monotonic() - self._fetch_began

    def sight(self, writes: float) -> Sight:
        """What the watchdog judges. `writes`: the age of the oldest unacknowledged write, in seconds."""
        return Sight(slice=self.ages.oldest_flight(), fetch=self._fetch_began, writes=writes)

    @property
    def settled(self) -> bool:
        """Nothing in flight, nothing left to commit: the process may end without repeating anything."""
        return not self.desk.in_flight and not self.desk.committable()

    # -- rebalance

    def stop_flow(self) -> None:
        """Called by Faust, first thing, on a revoke and on a stop."""
        super().stop_flow()
        self._open.clear()
        for flight in self.desk.close():
            self.ages.acknowledged(flight)

    def resume_flow(self) -> None:
        """Called by Faust before and after it seeks, each time after emptying the agents' queues."""
        super().resume_flow()
        if self.desk.resume():
            self._open.set()
            self._room.set()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Called before another member may get the partitions; the group waits for our return."""
        await self._quiesce()
        self.desk.forget(revoked)
        self.ages.forget(revoked)
        self._tally.observer.revoked(len(revoked))
        # While stopping, Faust would close the client from the wrong thread and lose the last commit.
        if not self.app.should_stop:
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Called when these partitions are ours; fetching begins after recovery and `perform_seek`."""
        if self.app.should_stop:
            return
        for topic in {tp.topic for tp in assigned}:
            if self.app.topics.acks_enabled_for(topic):
                die(f"topic {topic} was not declared with slice_topic")
        self._generation = generation_id
        self._tally.observer.assigned(len(assigned), generation_id)
        await super().on_partitions_assigned(assigned, generation_id)

    async def wait_empty(self) -> None:
        """Called by Faust on SIGTERM before it cancels the agents, on a revoke, and when it stops us."""
        await self._quiesce()

    async def _quiesce(self) -> None:
        """Nothing new; wait for the slices in flight; commit them while this generation is valid.

        Faust would forget the acknowledgements first and commit what is left of them.
        """
        async with self._quiesce_lock:
            self.stop_flow()
            self.app.flow_control.suspend()
            self.app.flow_control.clear()
            expelled = self._thread.expelled
            limit = self.config.expelled_timeout if expelled else self.config.quiesce_timeout
            try:
                await asyncio.wait_for(self._drain(), limit)
            except TimeoutError:
                die(f"not drained in {limit:g} s, {self.desk.in_flight} slices in flight")

    async def _drain(self) -> None:
        await self._idle.wait()
        while self.desk.committable() and await self.commit():
            pass

    async def perform_seek(self) -> None:
        """Called by Faust after recovery; cancelled when the next rebalance begins."""
        self.desk.begin_seek()
        targets, notes = await self._start_offsets()
        while targets:
            await self._thread.seek_all(targets)
            targets = self.desk.sought(targets)
            self._tally.rewound(len(targets))
        self.desk.remember(notes)

    async def _start_offsets(self) -> tuple[dict[Partition, int], dict[Partition, str]]:
        while True:
            try:
                return await self._thread.start_offsets()
            except KafkaError as problem:
                if not problem.retriable:
                    raise
                await asyncio.sleep(_RETRY_SECONDS)

    # -- commit

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Commit whatever is committable; called by Faust's timer and by `_quiesce`.

        False if there was nothing, or if the group has gone on without us. One that finds another
        under way waits for it and then commits the rest; Faust's own would do nothing.
        """
        async with self._commit_lock:
            offsets, notes = self.desk.committable(), dict(self.desk.held)
            if not offsets:
                return False
            began = monotonic()
            try:
                accepted = await self._thread.commit_offsets(offsets, notes, self._generation)
            except KafkaError as problem:
                die(f"commit failed: {type(problem).__name__}")
            if not accepted:
                self._tally.refused(len(offsets))
                return False
            self.desk.committed(offsets, notes)
            self.ages.committed(offsets)
            self._tally.committed(offsets, monotonic() - began)
            return True

    # -- fetch and dispatch

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            while not (self.should_stop or fetcher.should_stop):
                await self._open.wait()
                await self._fetch_once()
        except (asyncio.CancelledError, ConsumerStoppedError):
            if not self.app.should_stop:
                raise

    async def _fetch_once(self) -> None:
        await self._rewind()
        ticket = self.desk.start_fetch()
        wanted = self._get_active_partitions() - self.desk.held.keys()
        room = self.desk.fetchable((tp.topic, tp.partition) for tp in wanted)
        if ticket is None or not room:
            await self._wait_for_room()
            return
        self._fetch_began = monotonic()
        try:
            found = await self._read(room, _FETCH_SECONDS if len(room) == len(wanted) else _PRESSED_SECONDS)
        finally:
            self._fetch_began = None
        self.last_fetch = monotonic()
        for tp, records in found.items():
            for part in split_by_bytes(records, self.config.slice_max_bytes):
                await self._receive(ticket, tp, part)
        await self._rewind()

    async def _read(self, room: set[Partition], seconds: float) -> dict[TP, list[Record]]:
        """What has been fetched for these partitions. A batch with a wrong checksum is read again: bits flip
        on the way, and one that is broken on the broker's disk must not stop the other partitions."""
        if not self._singly:
            try:
                return await self._read_some(room, seconds)
            except CorruptRecordException:
                # aiokafka does not say which, and what it had taken of the others went with the exception.
                self.desk.unread(room)
                self._singly = True
                return {}
        found: dict[TP, list[Record]] = {}
        for partition in room:
            try:
                found |= await self._read_some([partition], _PRESSED_SECONDS)
            except CorruptRecordException:
                self.desk.unread([partition])
                self._report(partition)
        self._corrupt = {each: said for each, said in self._corrupt.items() if each in room - found.keys()}
        self._singly = bool(self._corrupt)
        return found

    async def _read_some(self, some: Iterable[Partition], seconds: float) -> dict[TP, list[Record]]:
        return await self._getmany({TP(*partition) for partition in some}, seconds)  # type: ignore[return-value]

    def _report(self, partition: Partition) -> None:
        """Says which partition cannot be read, once a minute."""
        now = monotonic()
        if now - self._corrupt.get(partition, -inf) < _REPORT_SECONDS:
            return
        self._corrupt[partition] = now
        logger.error(
            "%s/%d: the batch at offset %s fails its checksum, it is read again until it does not",
            *partition,
            self.desk.continuity.expected(partition),
        )

    async def _wait_for_room(self) -> None:
        self._room.clear()
        with suppress(TimeoutError):
            await asyncio.wait_for(self._room.wait(), _FETCH_SECONDS)

    async def _receive(self, ticket: int, tp: TP, records: Sequence[Record]) -> None:
        partition = (tp.topic, tp.partition)
        expected = self.desk.continuity.expected(partition)
        first = records[0].offset
        reception, flight = self.desk.receive(ticket, partition, first, records[-1].offset)
        self._tally.received(reception, partition, expected, first)
        if flight is not None:
            await self.callback(self._message(flight, records))

    def _message(self, flight: Flight, records: Sequence[Record]) -> ConsumerMessage:
        topic, partition = flight.partition
        began = 0.0

        def begin() -> bool:
            nonlocal began
            began = monotonic()
            return self._begin(flight)

        def done() -> None:
            self._done(flight, len(records), monotonic() - began)

        def hold(note: str) -> None:
            self._hold(flight, note)

        self.ages.dispatched(flight)
        self._tally.dispatched(flight.partition, len(records))
        value = Slice(
            topic, partition, records, generation=self._generation, begin=begin, done=done, hold=hold
        )
        return ConsumerMessage(
            topic=topic,
            partition=partition,
            offset=flight.last,
            timestamp=0.0,  # nothing of ours reads it, and a record may have none
            timestamp_type=0,
            headers=None,
            key=None,
            value=value,  # type: ignore[arg-type]
            checksum=None,
            serialized_key_size=0,
            serialized_value_size=0,
            tp=TP(topic, partition),
            generation_id=self._generation,
        )

    def _begin(self, flight: Flight) -> bool:
        try:
            begun = self.desk.begin(flight)
        except SliceOrderError as problem:
            die(str(problem))
        if begun:
            self._idle.clear()
        return begun

    def _done(self, flight: Flight, records: int, seconds: float) -> None:
        if not self.desk.done(flight):
            self._tally.late()
            return
        self.ages.acknowledged(flight)
        self._tally.done(flight.partition, records, seconds)
        self._room.set()
        if not self.desk.in_flight:
            self._idle.set()

    def _hold(self, flight: Flight, note: str) -> None:
        for taken in self.desk.hold(flight, note):
            self.ages.withdrawn(taken)
        self._room.set()
        if not self.desk.in_flight:
            self._idle.set()
        # At once, not at the next interval: a restart must not forget it.
        self.add_future(self.commit())

    def release(self, topic: str) -> dict[Partition, str]:
        """Let the held partitions of a topic go on; gives those of this worker, with their notes."""
        released = self.desk.release(topic)
        self._room.set()
        return released

    async def record_release(self, released: Iterable[Partition]) -> None:
        """Returns when no restart brings the hold back. Raises NotRecorded where the group rebalances:
        whoever gets the partitions holds them again."""
        if not await self.commit() and self.desk.committable().keys() & set(released):
            raise NotRecorded

    async def _rewind(self) -> None:
        targets = self.desk.rewinds()
        if targets:
            await self._thread.seek_all(targets)
            self._tally.rewound(len(targets))

    # -- Faust's own ideas that do not hold here

    async def on_task_error(self, exc: BaseException) -> None:
        """An agent ended by an exception outside `run_slices`; Faust would commit and restart it."""
        die(f"an agent failed: {describe(exc)}")

    async def verify_all_partitions_active(self) -> None:
        """Faust's stuck detection compares clocks of different kinds; `ages` and the watchdog do it."""
