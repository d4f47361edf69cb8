"""Faust's consumer, with one event for each slice: what Faust and the agents' loops call.

It tells `AssignmentState` what happened and does what that answers (docs/design.md#life-of-a-slice). Each of
the following is an object of its own: `FetchLoop`, the steps of a `Rebalance`, the `Committer`, what health
asks (`ConsumerHealth`), and what operators do about paused partitions (`Resumption`).
"""

import asyncio
from collections import defaultdict
from collections.abc import Iterable
from time import monotonic
from typing import Any

from aiokafka.errors import ConsumerStoppedError
from faust.transport.drivers import aiokafka as driver
from faust.types import TP

from app.engine.config import ConsumerConfig
from app.engine.consumer.assignment import AssignmentState
from app.engine.consumer.backpressure import BackpressureLimits
from app.engine.consumer.backstop import Backstop, Restore
from app.engine.consumer.client_thread import ClientThread
from app.engine.consumer.committer import Committer
from app.engine.consumer.consumer_health import ConsumerHealth
from app.engine.consumer.fetch_loop import FetchLoop
from app.engine.consumer.offset_tracker import SliceOrderError
from app.engine.consumer.rebalance import Rebalance
from app.engine.consumer.resumption import Resumption
from app.engine.fatal import describe, die
from app.engine.observer import EngineObserver
from app.engine.slices import InFlightSlice, Partition, Slice


class SliceConsumer(driver.Consumer):
    """Created by Faust through `SliceTransport`."""

    _thread: ClientThread

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        config: ConsumerConfig = self.transport.config  # type: ignore[attr-defined]
        observer: EngineObserver = self.transport.observer  # type: ignore[attr-defined]
        limits = BackpressureLimits(
            config.slices_per_partition, config.records_per_topic, config.bytes_in_all
        )
        state = AssignmentState(limits, slice_records=config.slice_max_records)
        backstop = Backstop(state, self.commit)
        self.config = config
        self.assignment_state = state
        self._observer = observer
        self._committer = Committer(state, self._thread, observer)
        self._fetch_loop = FetchLoop(
            state,
            self._thread,
            backstop,
            observer,
            slice_records=config.slice_max_records,
            active=self._get_active_partitions,
            deliver=self.callback,
        )
        self._rebalance = Rebalance(
            state,
            self._thread,
            backstop,
            observer,
            config,
            stop_dispatch=self._stop_dispatch,
            commit=self.commit,
        )
        self.health = ConsumerHealth(state, self._thread, self._fetch_loop)
        self.resumption = Resumption(
            state, self._thread, commit=self.commit, look_for_room=self._fetch_loop.look_for_room
        )
        self._turns: defaultdict[Partition, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._thread_lock = asyncio.Lock()

    def _new_consumer_thread(self) -> ClientThread:
        return ClientThread(self, loop=self.loop, beacon=self.beacon)

    # -- rebalance

    def stop_flow(self) -> None:
        """Closes the gate. Faust calls it first of all on a revoke and on a stop."""
        super().stop_flow()
        self._fetch_loop.close()
        self.assignment_state.close()

    def resume_flow(self) -> None:
        """Opens the gate if the seek has ended. Faust calls it before and after it seeks, each time after it
        has emptied the agents' queues."""
        super().resume_flow()
        if self.assignment_state.open():
            self._fetch_loop.open()

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Returns when everything that was begun is committed. The group gives the partitions to nobody else
        before that."""
        await self._rebalance.quiesce()
        self.assignment_state.forget(revoked)
        self._fetch_loop.open_transactions.forget(revoked)
        self._observer.revoked(len(revoked))
        # During a stop Faust would close the client from the wrong thread here, and lose the last commit.
        if not self.app.should_stop:
            await super().on_partitions_revoked(revoked)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Notes the new generation and tells Faust. Fetching begins after the restore and `perform_seek`."""
        if self.app.should_stop:
            return
        for topic in {tp.topic for tp in assigned}:
            if self.app.topics.acks_enabled_for(topic):
                die(f"topic {topic} was not declared with slice_topic")
        self.assignment_state.generation = generation_id
        self._observer.assigned(len(assigned), generation_id)
        await super().on_partitions_assigned(assigned, generation_id)

    async def wait_empty(self) -> None:
        """Returns when everything that was begun is committed. Faust calls it on SIGTERM before it cancels
        the agents, on a revoke, and when it stops the consumer."""
        await self._rebalance.quiesce()

    def _stop_dispatch(self) -> None:
        self.stop_flow()
        self.app.flow_control.suspend()
        self.app.flow_control.clear()

    async def restore(self, topic: str, numbers: Iterable[int], restore: Restore) -> None:
        """Restores the tables of partitions of the topic that feeds them, before the seek."""
        await self._rebalance.restore(topic, numbers, restore)

    async def perform_seek(self) -> None:
        """Seeks every partition to its committed offset. Faust calls it after the restore, and cancels it
        when the next rebalance begins."""
        await self._rebalance.seek()

    # -- commit and fetch

    async def commit(self, *_: Any, **__: Any) -> bool:
        """Returns whether anything was committed (`Committer.commit`). Faust's timer calls it, too."""
        return await self._committer.commit()

    def end_attempts(self) -> None:
        """Commits that no attempt has died, because the process is about to end for a reason that is not a
        record's. It blocks for up to 2 s."""
        self.assignment_state.end_attempts()
        self._committer.commit_at_the_end()

    def leave_group(self, seconds: float) -> bool:
        """Returns whether nobody in the group waits for this worker any more. The process is about to end. It
        blocks for up to so many seconds."""
        return self._thread.leave_group(seconds)

    async def _drain_messages(self, fetcher: Any) -> None:
        try:
            await self._fetch_loop.run(lambda: bool(self.should_stop or fetcher.should_stop))
        except (asyncio.CancelledError, ConsumerStoppedError):
            if not self.app.should_stop:
                raise

    # -- for the agents' loops (`Acknowledger`)

    def turn(self, partition: Partition) -> asyncio.Lock:
        """Returns the lock that one slice of the partition takes at a time, in the order in which they
        asked."""
        return self._turns[partition]

    def thread(self) -> asyncio.Lock:
        """Returns the lock that one slice takes at a time, in the order in which they asked."""
        return self._thread_lock

    def begin(self, slice_: Slice) -> bool:
        """Returns whether the slice may be handled. It may not if it was taken back while it was queued."""
        in_flight = _in_flight(slice_)
        try:
            begun = self.assignment_state.begin(in_flight)
        except SliceOrderError as problem:
            die(str(problem))
        if begun:
            in_flight.begun_at = in_flight.moved_at = monotonic()
            self._rebalance.idle.clear()
        return begun

    def moves(self, slice_: Slice, *, waits: bool = False) -> None:
        """Notes that a begun slice goes on, or that it waits for what other slices do."""
        in_flight = _in_flight(slice_)
        in_flight.moved_at, in_flight.waits = monotonic(), waits

    def acknowledge(self, slice_: Slice) -> None:
        """Records that everything that the slice caused is durable. It has no effect if the partition was
        revoked meanwhile."""
        in_flight = _in_flight(slice_)
        if not self.assignment_state.done(in_flight):
            return
        self._observer.slice_done(*in_flight.partition, len(slice_), monotonic() - in_flight.begun_at)
        self._made_room()
        if self.assignment_state.attempts.in_work(in_flight.partition):
            self.add_future(self._commit_attempt())

    async def _commit_attempt(self) -> None:
        # Until the commit a death of the worker counts, and partitions may wait for it.
        await self.commit()
        self._fetch_loop.look_for_room()

    def pause(self, slice_: Slice, reason: str, offset: int) -> None:
        """Pauses the topic of a begun slice until `resume`, also over restarts. Of its records from `offset`
        on nothing may have been appended. If that is not its first record, those before it remain in the
        slice."""
        if offset > slice_.first:
            self.assignment_state.pause(_in_flight(slice_), reason, offset)
            slice_.cut(offset)
        else:
            self.assignment_state.pause(_in_flight(slice_), reason)
        self._made_room()
        # The reason is committed at once and not at the next interval, because a restart must not forget it.
        self.add_future(self.commit())

    def _made_room(self) -> None:
        self._fetch_loop.look_for_room()
        if not self.assignment_state.in_flight:
            self._rebalance.idle.set()

    # -- parts of Faust that must not run here

    async def on_task_error(self, exc: BaseException) -> None:
        """Ends the process, because an agent ended by an exception outside `run_slices`. Faust would commit
        the event and restart the agent."""
        die(f"an agent failed: {describe(exc)}")

    async def verify_all_partitions_active(self) -> None:
        """Does nothing. Faust's detection of stuck workers compares clocks of different kinds; the watchdog
        replaces it."""


def _in_flight(slice_: Slice) -> InFlightSlice:
    assert slice_.in_flight is not None, "the consumer made the slice"
    return slice_.in_flight
