"""Group commit: one idempotent producer, many slices that wait for the same few requests.

`append()` only fills batches. `await sync()` returns when everything appended so far is acknowledged by
all in-sync replicas. Records go out in rounds, one in flight for each destination topic, and in a round
at most one batch of a partition at a time: aiokafka's `add_batch` raises spurious timeouts under
contention, and an idempotent producer can wedge after OutOfOrderSequence (aiokafka #1017). For the same
reason an error that puts a log in doubt is the end of the process: its supervisor restarts it from the last
commit. An error that belongs to one record (`refusals.py`) is answered for that record: its batch is taken
apart until the record is alone, and the others are written in their order.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

from aiokafka import AIOKafkaProducer, TopicPartition

from app.lane.batches import Batch, RecordTooLarge, RoundBatches, Wave, instead_of
from app.lane.fatal import die
from app.lane.order import DispatchOrder, OutOfOrder
from app.lane.producer_config import ProducerConfig
from app.lane.refusals import Headers, NoAnswer, OnRefused, advice, refusal_of
from app.lane.rounds import RoundBook, Ticket
from app.lane.write_observer import WriteObserver

__all__ = ["Acknowledged", "GroupProducer", "ProducerFailed", "RecordTooLarge"]

logger = logging.getLogger(__name__)

_LEASE_POLL_SECONDS = 0.05

Acknowledged = Callable[[str, int, int, int], None]
"""Called with topic, partition, base offset and count of every acknowledged batch. The offset is below 0
where the broker knew the batch as a duplicate but not its place (DuplicateSequenceNumber)."""

Lease = Callable[[], float | None]
"""Seconds since the group's coordinator answered the last heartbeat, None while not in a group."""


class ProducerFailed(Exception):
    """A write failed: nothing may be acknowledged any more. Seen only while the process is ending."""


class GroupProducer:
    """One producer of a worker. To be started before anything is subscribed: an agent that awaits before
    its slice's last append lets slices overtake each other. All methods belong to one event loop."""

    def __init__(
        self,
        config: ProducerConfig,
        *,
        lease: Lease = lambda: None,
        observer: WriteObserver | None = None,
        fatal: Callable[[str], NoReturn] = die,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.on_acknowledged: Acknowledged | None = None
        self._config = config
        self._lease = lease
        self._observer = observer or WriteObserver()
        self._fatal = fatal
        self._clock = clock
        self._client: AIOKafkaProducer | None = None
        self._book = RoundBook()
        self._order = DispatchOrder()
        self._open: dict[str, RoundBatches] = {}
        self._in_flight: dict[str, set[int]] = {}
        self._waiting: list[tuple[Ticket, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: ProducerFailed | None = None

    async def start(self) -> None:
        """Connects. Idempotent. Raises aiokafka's KafkaError where no broker answers."""
        if self._client is not None:
            return
        config = self._config
        client = AIOKafkaProducer(
            bootstrap_servers=config.bootstrap_servers,
            acks="all",
            enable_idempotence=True,
            compression_type=config.compression,
            max_batch_size=config.batch_bytes,
            request_timeout_ms=int(config.request_timeout_seconds * 1000),
            **config.client,
        )
        try:
            await client.start()
        except BaseException:
            await client.stop()
            raise
        self._loop = asyncio.get_running_loop()
        self._client = client

    async def stop(self) -> None:
        """Sends what is appended and closes; gives up on a broker that does not answer in time. To be
        called after the last quiesce, when no slice waits any more."""
        client = self._client
        if client is None:
            return
        try:
            async with asyncio.timeout(self._config.stop_timeout_seconds):
                while self._failure is None and self._book.oldest() is not None:
                    await self._wait_for(self._book.ticket())
                await client.stop()
        except (TimeoutError, ProducerFailed):
            logger.warning("the producer was closed with records that no broker acknowledged")
            await _abandon(client)
        self._client = None
        for task in self._tasks:
            task.cancel()

    def enter(self, topic: str, partition: int, first: int, last: int, generation: int) -> None:
        """To be called by an agent for each slice before its first append: source topic and partition,
        first and last offset, the group's generation. A broken order ends the process."""
        try:
            self._order.enter(topic, partition, first, last, generation)
        except OutOfOrder as error:
            self._fail(str(error))

    def append(
        self,
        topic: str,
        partition: int,
        key: bytes | None,
        value: bytes | None,
        *,
        headers: Headers = (),
        on_refused: OnRefused | None = None,
    ) -> None:
        """Puts a record into the topic's open round, stamped with the time of writing; a null value is a
        tombstone. `on_refused` answers a broker that does not take this record; without it such a refusal
        ends the process. Raises RecordTooLarge, and then nothing was appended."""
        batches = self._open.get(topic)
        if batches is None:
            batches = self._open_round(topic)
        batches.append(partition, key, value, headers, on_refused)
        if batches.records == 1:
            self._book.open(topic, self._clock())
            self._loop.call_later(self._config.linger_seconds, self._send_if_due, topic)
        elif batches.records == self._config.round_records:
            self._loop.call_soon(self._send_if_due, topic)

    def sync(self) -> Awaitable[None]:
        """Resolves when everything appended so far is acknowledged by all in-sync replicas, however long
        the brokers take; raises ProducerFailed where any of it cannot be."""
        if self._failure is not None:
            raise self._failure
        return self._wait_for(self._book.ticket())

    def oldest_round_age(self) -> float:
        """Seconds since the oldest unacknowledged record was appended, 0.0 if there is none. This is what
        tells an outage: `request_timeout_ms` does not bound it, the worker waits."""
        oldest = self._book.oldest()
        return 0.0 if oldest is None else self._clock() - oldest

    def is_in_flight(self, topic: str, partition: int) -> bool:
        """Whether records of ours may be in that log without us knowing their offsets yet."""
        return partition in self._in_flight.get(topic, ())

    def _open_round(self, topic: str) -> RoundBatches:
        if self._failure is not None:
            raise self._failure
        if self._client is None:
            raise RuntimeError("the producer is not running")
        batches = RoundBatches(topic, self._client.create_batch, self._config.largest_batch_bytes)
        self._open[topic] = batches
        return batches

    def _wait_for(self, ticket: Ticket) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._book.settled(ticket):
            future.set_result(None)
        else:
            self._waiting.append((ticket, future))
        return future

    def _send_if_due(self, topic: str) -> None:
        """A timer, a full round or an acknowledgement says that the next round may go out."""
        if self._failure is None and self._book.may_send(topic):
            self._book.send(topic)
            task = self._loop.create_task(self._send_round(topic, self._open.pop(topic)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_round(self, topic: str, batches: RoundBatches) -> None:
        await self._hold_for_lease(topic)
        started = self._clock()
        try:
            while wave := batches.next_wave(self._config.wave_bytes):
                await self._send_wave(self._client, topic, wave)
        except Exception as error:  # noqa: BLE001 - whatever it is, the logs are in doubt
            self._fail(f"a write to {topic} failed: {type(error).__name__}{advice(error)}")
        self._book.acknowledge(topic)
        self._observer.round_acknowledged(topic, batches.records, self._clock() - started)
        self._resolve()
        self._send_if_due(topic)

    async def _send_wave(self, client: AIOKafkaProducer, topic: str, wave: Wave) -> None:
        self._in_flight[topic] = {partition for partition, _ in wave}
        sent = [
            await client.send_batch(batch.builder, topic, partition=partition) for partition, batch in wave
        ]
        answers = await asyncio.gather(*sent, return_exceptions=True)
        for (partition, batch), answer in zip(wave, answers, strict=True):
            if isinstance(answer, BaseException):
                await self._send_apart(client, topic, partition, batch, answer)
            else:
                self._acknowledged(topic, partition, answer.offset, batch)
        del self._in_flight[topic]

    def _acknowledged(self, topic: str, partition: int, base: int, batch: Batch) -> None:
        if self.on_acknowledged is not None:
            self.on_acknowledged(topic, partition, base, batch.record_count())

    async def _send_apart(
        self, client: AIOKafkaProducer, topic: str, partition: int, batch: Batch, error: BaseException
    ) -> None:
        """Writes what a refused batch holds without the record that was refused, in the same order.

        The later batches of the partition wait for it. Raises the error if it puts the log in doubt.
        """
        refusal = refusal_of(error)
        if refusal is None:
            raise error
        # aiokafka has counted the records of the batch, of which the broker has none. No other batch of the
        # partition is under way, so the next one takes the same numbers, as with Kafka's own producer.
        client._txn_manager.increment_sequence_number(TopicPartition(topic, partition), -batch.record_count())
        try:
            parts = instead_of(batch, refusal, client.create_batch)
        except NoAnswer:
            raise error from None
        for part in parts:
            sent = await client.send_batch(part.builder, topic, partition=partition)
            try:
                place = await sent
            except Exception as problem:  # noqa: BLE001 - judged there
                await self._send_apart(client, topic, partition, part, problem)
            else:
                self._acknowledged(topic, partition, place.offset, part)

    async def _hold_for_lease(self, topic: str) -> None:
        """A cheap check that narrows the window in which a paused worker writes; rows that merge close it."""
        held_since = self._clock()
        while (age := self._lease()) is not None and age > self._config.session_timeout_seconds:
            if self._clock() - held_since >= self._config.lease_patience_seconds:
                self._fail(f"a round to {topic} was held: no heartbeat answered for {age:.1f} s")
            await asyncio.sleep(_LEASE_POLL_SECONDS)

    def _resolve(self) -> None:
        still: list[tuple[Ticket, asyncio.Future[None]]] = []
        for ticket, future in self._waiting:
            if future.done():
                continue
            if self._book.settled(ticket):
                future.set_result(None)
            else:
                still.append((ticket, future))
        self._waiting = still

    def _fail(self, reason: str) -> NoReturn:
        self._failure = ProducerFailed(reason)
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(self._failure)
        self._waiting.clear()
        self._fatal(reason)


async def _abandon(client: AIOKafkaProducer) -> None:
    """Closes the connections; aiokafka's own stop() first waits until a broker takes what is left."""
    client._closed = True
    sender = client._sender.sender_task
    while not sender.done():  # the first time it goes on to wait for its requests
        sender.cancel()
        await asyncio.sleep(0)
    await client.client.close()
