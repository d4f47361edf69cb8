"""The consumer's own thread: aiokafka lives here, so that heartbeats go on while an agent computes."""

import asyncio
from collections.abc import Mapping
from time import monotonic
from typing import Any

import aiokafka
from aiokafka import TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError
from aiokafka.structs import OffsetAndMetadata
from faust.transport.drivers.aiokafka import AIOKafkaConsumerThread, credentials_to_aiokafka_auth, server_list
from faust.types import TP
from mode.threads import QueueServiceThread

from app.lane.bare_records import BareRecords
from app.lane.config import LaneConfig
from app.lane.slices import Partition

_HELD = "held: "
"""Begins the metadata of a committed offset whose partition is held; Kafka keeps up to 4,096 bytes."""


_NO_GENERATION = -1
"""What aiokafka sets when a heartbeat is refused."""


class LaneThread(AIOKafkaConsumerThread):
    """Faust's thread with our client settings and the few calls that must run inside it."""

    config: LaneConfig
    last_heartbeat: float = 0.0
    """Monotonic time at which the last heartbeat that was answered had been sent; 0.0 before that."""

    async def on_start(self) -> None:
        """Called by Faust in the thread."""
        await super().on_start()
        consumer = self._ensure_consumer()
        consumer._fetcher._records = BareRecords()
        self._watch_heartbeats(consumer._coordinator)

    async def on_thread_stop(self) -> None:
        """Called by Faust in the thread, after the last commit: leaves the group and closes."""
        await QueueServiceThread.on_thread_stop(self)
        if self._consumer is None:
            return
        try:
            await self._consumer.stop()
        except (asyncio.CancelledError, KafkaError):
            # While a broker is away aiokafka's fetcher trips over the requests that it cancels itself.
            await self._consumer._client.close()

    def _watch_heartbeats(self, coordinator: Any) -> None:
        # aiokafka keeps the time of the last good heartbeat in a local variable.
        beat = coordinator._do_heartbeat

        async def watched() -> bool:
            sent = monotonic()
            answered: bool = await beat()
            if answered:
                self.last_heartbeat = sent
            return answered

        coordinator._do_heartbeat = watched

    @property
    def expelled(self) -> bool:
        """Whether the group has told us that it has gone on without us, and has not taken us back."""
        if self._consumer is None or not self.last_heartbeat:
            return False
        return bool(self._consumer._coordinator.generation == _NO_GENERATION)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        # As Faust's own, whose fetch settings are constants.
        conf = self.app.conf
        config = self.config
        # Only Faust's assignor gives partition i of all topics to one worker, and tells the tables.
        has_tables = bool(self.app.tables.changelog_topics)
        self._assignor = self.app.assignor if has_tables else RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            group_instance_id=conf.consumer_group_instance_id,
            bootstrap_servers=server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[self._assignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            max_poll_records=config.slice_max_records,
            max_poll_interval_ms=_ms(config.max_poll_interval),
            max_partition_fetch_bytes=config.max_partition_fetch_bytes,
            fetch_max_bytes=config.fetch_max_bytes,
            fetch_max_wait_ms=config.fetch_max_wait_ms,
            request_timeout_ms=_ms(config.request_timeout),
            session_timeout_ms=_ms(config.session_timeout),
            rebalance_timeout_ms=_ms(config.rebalance_timeout),
            heartbeat_interval_ms=_ms(config.heartbeat_interval),
            metadata_max_age_ms=_ms(config.metadata_max_age),
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Called by aiokafka's coordinator in the thread."""
        # The group has just heard of us; the next heartbeat is an interval away.
        self.last_heartbeat = monotonic()
        # Tables are recovered by a reader of their own. Faust pauses changelogs for itself only, so
        # aiokafka would keep up to one fetch of each of them in memory for nothing.
        consumer = self._ensure_consumer()
        consumer.pause(*(TopicPartition(*tp) for tp in assigned if self.consumer._is_changelog_tp(tp)))
        await super().on_partitions_assigned(assigned, generation_id)

    async def start_offsets(self) -> tuple[dict[Partition, int], dict[Partition, str]]:
        """Where each assigned partition but the changelogs' goes on: its committed offset, else the
        beginning of its log; and the notes of those that are held. Raises KafkaError."""
        return await self.call_thread(self._start_offsets)  # type: ignore[no-any-return]

    async def _start_offsets(self) -> tuple[dict[Partition, int], dict[Partition, str]]:
        consumer = self._ensure_consumer()
        tps = [tp for tp in consumer.assignment() if not self.consumer._is_changelog_tp(tp)]
        committed = await consumer._coordinator.fetch_committed_offsets(tps) if tps else {}
        known = {tp: found.offset for tp, found in committed.items() if found.offset >= 0}
        fresh = [tp for tp in tps if tp not in known]
        known |= await consumer.beginning_offsets(fresh) if fresh else {}
        notes = {
            (tp.topic, tp.partition): found.metadata.removeprefix(_HELD)
            for tp, found in committed.items()
            if found.metadata.startswith(_HELD)
        }
        return {(tp.topic, tp.partition): offset for tp, offset in known.items()}, notes

    async def seek_all(self, offsets: Mapping[Partition, int]) -> None:
        """Set positions, all in one step of the thread: a seek from another thread could fall into a
        fetch that is taking records, which sets the position after it. Partitions that are no longer
        assigned are left out."""
        await self.call_thread(self._seek_all, dict(offsets))

    async def _seek_all(self, offsets: dict[Partition, int]) -> None:
        consumer = self._ensure_consumer()
        assignment = consumer.assignment()
        for partition, offset in offsets.items():
            tp = TopicPartition(*partition)
            if tp in assignment:
                consumer.seek(tp, offset)

    async def commit_offsets(
        self, offsets: Mapping[Partition, int], notes: Mapping[Partition, str], generation: int
    ) -> bool:
        """Commit for that generation, with the notes of held partitions; False if the group has gone on
        without us.

        Retries as long as the broker is away. Raises KafkaError for whatever a retry cannot cure.
        """
        return await self.call_thread(  # type: ignore[no-any-return]
            self._commit_offsets, dict(offsets), dict(notes), generation
        )

    async def _commit_offsets(
        self, offsets: dict[Partition, int], notes: dict[Partition, str], generation: int
    ) -> bool:
        consumer = self._ensure_consumer()
        # A member that was thrown out has generation -1, which Kafka takes from anybody while the
        # group is empty: it would set back what others have committed meanwhile.
        if consumer._coordinator.generation != generation:
            return False
        wanted = {
            TopicPartition(*partition): OffsetAndMetadata(
                offset, _HELD + notes[partition] if partition in notes else ""
            )
            for partition, offset in offsets.items()
        }
        try:
            await consumer.commit(wanted)
        except (CommitFailedError, IllegalStateError):
            return False
        return True


def _ms(seconds: float) -> int:
    return round(seconds * 1000)
