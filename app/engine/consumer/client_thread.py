"""The consumer's own thread. aiokafka runs in it, so heartbeats go on while an agent computes."""

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextlib import suppress
from time import monotonic
from typing import Any

import aiokafka
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    IllegalStateError,
    KafkaError,
)
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, server_list
from faust.types import TP
from mode import Service
from mode.threads import QueueServiceThread

from app.engine.config import ConsumerConfig
from app.engine.consumer.client_options import client_options
from app.engine.consumer.commit_note import CommitNote, decode_note
from app.engine.consumer.fetch_pace import pace_fetches
from app.engine.consumer.fetched import Fetched, Marks, ReadNotes
from app.engine.consumer.membership import GroupMembership
from app.engine.outage import when_a_broker_answers
from app.engine.record_batches.fetch_budget import FetchBudget
from app.engine.record_batches.fetched_records import bound_fetches
from app.engine.slices import Partition

_ENDS_SECONDS = 5.0
"""How long brokers may take to say where logs begin and end. A partition without a leader has no answer."""

_LOOK_SECONDS = 1.0
"""The time between two looks at whether the group's coordinator is known."""


class ClientThread(AIOKafkaConsumerThread):
    """Faust's thread, with the engine's client settings and the calls that must run inside the thread."""

    config: ConsumerConfig

    def __post_init__(self) -> None:
        super().__post_init__()
        self.config: ConsumerConfig = self.consumer.transport.config  # type: ignore[attr-defined]
        self.membership = GroupMembership(self.app.conf.id, self.config)
        self._read = ReadNotes()
        self._asked: float | None = None

    def unanswered(self) -> float:
        """Returns for how many seconds the thread's loop has not answered; 0.0 if it has answered the call
        before. Called in the main loop."""
        asked = self._asked
        if asked is None:
            asked = self._asked = monotonic()
            with suppress(RuntimeError):  # the loop was closed meanwhile
                self.thread_loop.call_soon_threadsafe(self._answer)
        return monotonic() - asked

    def _answer(self) -> None:
        self._asked = None

    async def on_start(self) -> None:
        """Starts the client and replaces its private parts. Faust calls it in the thread. Waits for brokers
        that have gone away since the topics were checked."""
        await when_a_broker_answers(self._connect)
        consumer = self._ensure_consumer()
        budget = FetchBudget(self.config.slice_max_bytes, self.config.read_max_bytes)
        bound_fetches(consumer, budget, self._read.note)
        pace_fetches(consumer, self.config.fetch_interval)
        self.membership.attach(consumer)

    async def _connect(self) -> None:
        try:
            await super().on_start()
        except BaseException:
            if self._consumer is not None:
                await self._consumer.stop()
            raise

    async def on_thread_stop(self) -> None:
        """Leaves the group and closes the client. Faust calls it in the thread, after the last commit."""
        await QueueServiceThread.on_thread_stop(self)
        if self._consumer is None:
            return
        try:
            await self._consumer.stop()
        except (asyncio.CancelledError, KafkaError):
            # While a broker is away, aiokafka's fetcher raises because of requests that it cancels itself.
            await self._consumer._client.close()

    @Service.task
    async def _look_at_group(self) -> None:
        while not self.should_stop:
            await self.sleep(_LOOK_SECONDS)
            await self.membership.look()

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        # This is Faust's own method, in which the fetch settings are constants.
        # Only Faust's assignor gives partition i of all topics to one worker, and reports it to the tables.
        has_tables = bool(self.app.tables.changelog_topics)
        self._assignor = self.app.assignor if has_tables else RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            bootstrap_servers=server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            **client_options(self.app.conf, self.config),
        )

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Pauses the changelogs and tells Faust. aiokafka's coordinator calls it in the thread."""
        self.membership.assigned()
        # Another client reads the changelogs. Faust pauses them for itself only, so aiokafka would keep up to
        # one fetch of each of them in memory, and nobody would read it.
        consumer = self._ensure_consumer()
        consumer.pause(*(TopicPartition(*tp) for tp in assigned if self.consumer._is_changelog_tp(tp)))
        await super().on_partitions_assigned(assigned, generation_id)

    async def fetch(self, partitions: Iterable[Partition], seconds: float, most: int) -> Fetched:
        """Returns what is read of these partitions within so many seconds, at most `most` records. Raises
        CorruptRecordException."""
        return await self.call_thread(self._fetch, set(partitions), seconds, most)  # type: ignore[no-any-return]

    async def _fetch(self, partitions: set[Partition], seconds: float, most: int) -> Fetched:
        consumer = self._ensure_consumer()
        self._read.clear()
        records = await self._fetch_records(
            consumer,
            {TP(*partition) for partition in partitions},
            timeout=seconds,
            max_records=most,
        )
        # Nothing is awaited from here on, so no other task has moved a position since the records were taken.
        taken: dict[Partition, Any] = {(tp.topic, tp.partition): found for tp, found in records.items()}
        return Fetched(self._read.take(taken), _marks(consumer, partitions))

    async def on_partitions_revoked(self, revoked: set[TP]) -> None:
        """Tells Faust. aiokafka's coordinator calls it in the thread."""
        self.membership.revoked()
        await super().on_partitions_revoked(revoked)

    async def start_offsets(self) -> dict[Partition, tuple[int, CommitNote]]:
        """Returns the offset at which each assigned partition goes on, with the note that was committed.

        The offset is the committed one, or the beginning of the log if none is committed. Changelogs are left
        out. Raises KafkaError.
        """
        return await self.call_thread(self._start_offsets)  # type: ignore[no-any-return]

    async def _start_offsets(self) -> dict[Partition, tuple[int, CommitNote]]:
        consumer = self._ensure_consumer()
        tps = [tp for tp in consumer.assignment() if not self.consumer._is_changelog_tp(tp)]
        committed = await consumer._coordinator.fetch_committed_offsets(tps) if tps else {}
        known = {tp: found.offset for tp, found in committed.items() if found.offset >= 0}
        fresh = [tp for tp in tps if tp not in known]
        known |= await consumer.beginning_offsets(fresh) if fresh else {}
        notes = {tp: decode_note(found.metadata) for tp, found in committed.items()}
        return {
            (tp.topic, tp.partition): (offset, notes.get(tp, CommitNote())) for tp, offset in known.items()
        }

    async def with_records(self, offsets: Mapping[Partition, int]) -> dict[Partition, int] | None:
        """Returns those of the partitions that have records from their offset on, with the ends of their
        logs; None if the brokers do not tell."""
        return await self.call_thread(self._with_records, dict(offsets))  # type: ignore[no-any-return]

    async def _with_records(self, offsets: dict[Partition, int]) -> dict[Partition, int] | None:
        consumer = self._ensure_consumer()
        tps = [TopicPartition(*partition) for partition in offsets]
        if not tps:
            return {}
        try:
            async with asyncio.timeout(_ENDS_SECONDS):
                ends = await consumer.end_offsets(tps)
                starts = await consumer.beginning_offsets([tp for tp in tps if ends[tp] > offsets[tp]])
        except (TimeoutError, KafkaError):
            return None
        return {(tp.topic, tp.partition): ends[tp] for tp, start in starts.items() if ends[tp] > start}

    async def end_offset(self, partition: Partition) -> int | None:
        """Returns the offset after the last record of a partition; None if the brokers do not tell."""
        return await self.call_thread(self._end_offset, TopicPartition(*partition))  # type: ignore[no-any-return]

    async def _end_offset(self, tp: TopicPartition) -> int | None:
        try:
            async with asyncio.timeout(_ENDS_SECONDS):
                return (await self._ensure_consumer().end_offsets([tp]))[tp]  # type: ignore[no-any-return]
        except (TimeoutError, KafkaError):
            return None

    async def rejoin(self) -> None:
        """Returns at once. The group rebalances then, so all partitions are assigned again."""
        await self.call_thread(self._rejoin)

    async def _rejoin(self) -> None:
        self._ensure_consumer()._coordinator.request_rejoin()

    async def seek_all(self, offsets: Mapping[Partition, int]) -> None:
        """Sets the positions of partitions, all in one step of the client's thread.

        A seek from another thread can fall into a fetch that is taking records, and the fetch then moves the
        position past them. Partitions that are no longer assigned are left out.
        """
        await self.call_thread(self._seek_all, dict(offsets))

    async def _seek_all(self, offsets: dict[Partition, int]) -> None:
        consumer = self._ensure_consumer()
        assignment = consumer.assignment()
        for partition, offset in offsets.items():
            tp = TopicPartition(*partition)
            if tp in assignment:
                consumer.seek(tp, offset)

    async def commit_offsets(
        self, offsets: Mapping[Partition, int], notes: Mapping[Partition, CommitNote], generation: int
    ) -> bool:
        """Returns whether the offsets were committed. They were not if the group has gone on without this
        member.

        Commits for that generation, with the notes. Tries again as long as the broker is away. Nor were
        they if the right to commit was withdrawn: then this worker joins again (`membership.py`). Raises
        KafkaError for an error that no retry can cure.
        """
        return await self.call_thread(  # type: ignore[no-any-return]
            self._commit_offsets, dict(offsets), dict(notes), generation
        )

    def commit_at_the_end(
        self,
        offsets: Mapping[Partition, int],
        notes: Mapping[Partition, CommitNote],
        generation: int,
        seconds: float,
    ) -> bool:
        """Returns whether the offsets were committed within so many seconds. It blocks the calling thread,
        because the process is about to end and nothing else must happen in it."""
        return self._within(seconds, self._commit_offsets, dict(offsets), dict(notes), generation)

    def leave_group(self, seconds: float) -> bool:
        """Returns whether this worker has left its group within so many seconds, or is no member that others
        would wait for. It blocks the calling thread for the same reason."""
        return self._within(seconds, self.membership.leave)

    def _within(self, seconds: float, call: Callable[..., Coroutine[Any, Any, bool]], *args: Any) -> bool:
        """Returns what the call answers in the client's thread; False if it fails, or takes longer."""
        if self.thread_loop.is_closed():
            return False
        try:
            return asyncio.run_coroutine_threadsafe(call(*args), self.thread_loop).result(seconds)
        except Exception:  # noqa: BLE001 - the process ends for another reason, which was said
            return False

    async def _commit_offsets(
        self, offsets: dict[Partition, int], notes: dict[Partition, CommitNote], generation: int
    ) -> bool:
        consumer = self._ensure_consumer()
        # A member that was expelled has generation -1. With that Kafka accepts a commit from anybody while
        # the group is empty, so the commit could set back what others have committed meanwhile.
        if consumer._coordinator.generation != generation:
            return False
        wanted = {
            TopicPartition(*partition): OffsetAndMetadata(offset, notes[partition].encode())
            for partition, offset in offsets.items()
        }
        try:
            await consumer.commit(wanted)
        except (CommitFailedError, GroupAuthorizationFailedError, IllegalStateError):
            return False
        return True


def _marks(consumer: aiokafka.AIOKafkaConsumer, partitions: set[Partition]) -> dict[Partition, Marks]:
    """Returns the offsets of those partitions that have a position. During a reset they have none."""
    subscription = consumer._subscription.subscription
    if subscription is None or subscription.assignment is None:
        return {}
    states = {partition: subscription.assignment.state_value(partition) for partition in partitions}
    return {
        partition: Marks(state.position, state.lso, state.highwater)
        for partition, state in states.items()
        if state is not None and state.has_valid_position
    }
