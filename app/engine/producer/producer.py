"""Group commit: one idempotent producer, and many slices that wait for the same few requests.

`append()` only fills batches. `await flush()` returns when everything that was appended before is
acknowledged by all in-sync replicas. Records are sent in flush rounds. One round of each destination topic is
in flight, and of that round at most one batch of each partition: aiokafka's queue of batches reports timeouts
that did not happen if several batches wait for one partition, and an idempotent producer may never recover
from an OutOfOrderSequenceNumber (aiokafka #1017). For the same reason an error that puts a log in doubt ends
the process, and the supervisor restarts it from the last commit; one that belongs to a record is answered for
that record (`request_groups.py`, docs/design.md#group-commit).
"""

import asyncio
import logging
import socket
import time
from collections.abc import Awaitable, Callable
from typing import NoReturn

from aiokafka import AIOKafkaProducer

from app.engine.config import ProducerConfig
from app.engine.fatal import die
from app.engine.observer import EngineObserver
from app.engine.producer.batches import FlushBatches, RecordTooLarge, RequestGroup
from app.engine.producer.flush_tracker import FlushToken, FlushTracker
from app.engine.producer.heartbeat_wait import HeartbeatAge, age_without_heartbeat
from app.engine.producer.producer_client import abandon, sockets_of, started_client, watch_retries
from app.engine.producer.refusals import Headers, OnRefused, advice, is_of_a_record
from app.engine.producer.request_groups import Acknowledged, send_batches

__all__ = ["Acknowledged", "GroupCommitProducer", "ProducerFailed", "RecordTooLarge"]

logger = logging.getLogger(__name__)


class ProducerFailed(Exception):
    """A write failed, so nothing may be acknowledged any more. It is seen only while the process is
    ending."""


class GroupCommitProducer:
    """A producer of a worker. All methods must be called in one event loop.

    It must be started before anything is subscribed, because `append` cannot wait for a connection.
    """

    def __init__(
        self,
        config: ProducerConfig,
        *,
        heartbeat_age: HeartbeatAge = lambda: None,
        observer: EngineObserver | None = None,
        fatal: Callable[[str], NoReturn] = die,
        refused: Callable[[str], NoReturn] | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`fatal` ends the process if a write fails. `refused` does so if the brokers or their configuration
        are the cause, and not a record; None means `fatal`."""
        self.on_acknowledged: Acknowledged = lambda *_: None
        self._config = config
        self._heartbeat_age = heartbeat_age
        self._observer = observer or EngineObserver()
        self._fatal = fatal
        self._refused = refused or fatal
        self._clock = clock
        self._client: AIOKafkaProducer | None = None
        self._tracker = FlushTracker()
        self._open: dict[str, FlushBatches] = {}
        self._in_flight: dict[str, set[int]] = {}
        self._sent: dict[str, tuple[int, int]] = {}
        """The number of records in each topic's round in flight, and their bytes."""
        self._waiting: list[tuple[FlushToken, asyncio.Future[None]]] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._failure: ProducerFailed | None = None

    async def start(self) -> None:
        """Connects; a second call does nothing. Raises aiokafka's KafkaError if no broker answers."""
        if self._client is not None:
            return
        self._client = await started_client(self._config)
        watch_retries(self._client, self._observer.batch_retried)
        self._loop = asyncio.get_running_loop()

    async def stop(self) -> None:
        """Sends what is appended and closes. After `stop_timeout_seconds` it closes anyway, and logs that.

        It is called after the last quiesce, when no slice waits any more.
        """
        client = self._client
        if client is None:
            return
        try:
            async with asyncio.timeout(self._config.stop_timeout_seconds):
                while self._failure is None and self._tracker.oldest() is not None:
                    await self._wait_for(self._tracker.token())
                await client.stop()
        except (TimeoutError, ProducerFailed):
            logger.warning("the producer was closed with records that no broker acknowledged")
            await abandon(client)
        self._client = None
        for task in self._tasks:
            task.cancel()

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
        """Puts a record into the topic's open round. Its timestamp is the time of this call.

        A null value makes a tombstone. `on_refused` is called if a broker refuses this record; if it is None,
        such a refusal ends the process. Raises RecordTooLarge, and then nothing was appended.
        """
        batches = self._open.get(topic)
        if batches is None:
            batches = self._open_round(topic)
        batches.append(partition, key, value, headers, on_refused)
        if batches.records == 1:
            self._tracker.open(topic, self._clock())
            self._loop.call_later(self._config.linger_seconds, self._send_if_due, topic)
        elif batches.records == self._config.round_records:
            self._loop.call_soon(self._send_if_due, topic)

    async def room(self) -> None:
        """Returns when more may be appended. In any case the event loop runs other tasks first. Nothing else
        is appended between its return and the caller's next `await`.

        It waits only if `unacknowledged_records` or `unacknowledged_bytes` are appended and not acknowledged.
        Raises ProducerFailed as `flush` does.
        """
        await asyncio.sleep(0)
        while self._is_full():
            await self.flush()

    def _is_full(self) -> bool:
        rounds = [(batches.records, batches.size()) for batches in self._open.values()]
        rounds += self._sent.values()
        config = self._config
        return (
            sum(records for records, _ in rounds) >= config.unacknowledged_records
            or sum(size for _, size in rounds) >= config.unacknowledged_bytes
        )

    def flush(self) -> Awaitable[None]:
        """Returns an awaitable that is done when everything that was appended before is acknowledged by all
        in-sync replicas. It waits as long as the brokers need. Raises ProducerFailed if any write has failed.
        """
        if self._failure is not None:
            raise self._failure
        return self._wait_for(self._tracker.token())

    def oldest_round_age(self) -> float:
        """Returns the seconds since the oldest unacknowledged record was appended; 0.0 if there is none.

        Health and the watchdog see an outage of the brokers by it, because `request_timeout_ms` does not
        bound the wait.
        """
        oldest = self._tracker.oldest()
        return 0.0 if oldest is None else self._clock() - oldest

    def is_in_flight(self, topic: str, partition: int) -> bool:
        """Returns whether the log may have records of this producer whose offsets it does not know yet."""
        return partition in self._in_flight.get(topic, ())

    def sockets(self) -> list[socket.socket]:
        """Returns a copy of the socket of each connection, for the end of the process. The caller closes
        them."""
        return [] if self._client is None else sockets_of(self._client)

    def _open_round(self, topic: str) -> FlushBatches:
        if self._failure is not None:
            raise self._failure
        if self._client is None:
            raise RuntimeError("the producer is not running")
        batches = FlushBatches(topic, self._client.create_batch, self._config.largest_batch_bytes)
        self._open[topic] = batches
        return batches

    def _wait_for(self, token: FlushToken) -> asyncio.Future[None]:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._tracker.settled(token):
            future.set_result(None)
        else:
            self._waiting.append((token, future))
        return future

    def _send_if_due(self, topic: str) -> None:
        """Sends the open round if it holds anything and the round before it is acknowledged.

        A timer, a full round and an acknowledgement call it.
        """
        if self._failure is None and self._tracker.may_send(topic):
            self._tracker.send(topic)
            task = self._loop.create_task(self._send_round(topic, self._open.pop(topic)))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_round(self, topic: str, batches: FlushBatches) -> None:
        age = await age_without_heartbeat(self._heartbeat_age, self._config, self._clock)
        if age is not None:
            reason = f"a write to {topic} was not sent: no heartbeat was answered for {age:.1f} s"
            self._fail(reason, self._refused)
        started = self._clock()
        self._sent[topic] = batches.records, batches.size()
        try:
            while request_group := batches.next_request_group(self._config.request_group_bytes):
                await self._send_request_group(self._client, topic, request_group)
        except Exception as error:  # noqa: BLE001 - after any error the logs are in doubt
            end = self._fatal if is_of_a_record(error) else self._refused
            self._fail(f"a write to {topic} failed: {type(error).__name__}{advice(error)}", end)
        del self._sent[topic]
        self._tracker.acknowledge(topic)
        self._observer.round_acknowledged(topic, batches.records, self._clock() - started)
        self._resolve()
        self._send_if_due(topic)

    async def _send_request_group(
        self, client: AIOKafkaProducer, topic: str, request_group: RequestGroup
    ) -> None:
        self._in_flight[topic] = {partition for partition, _ in request_group}
        await send_batches(client, topic, request_group, self.on_acknowledged)
        del self._in_flight[topic]
        self._observer.batches_sent(topic, len(request_group))

    def _resolve(self) -> None:
        still: list[tuple[FlushToken, asyncio.Future[None]]] = []
        for token, future in self._waiting:
            if future.done():
                continue
            if self._tracker.settled(token):
                future.set_result(None)
            else:
                still.append((token, future))
        self._waiting = still

    def _fail(self, reason: str, end: Callable[[str], NoReturn]) -> NoReturn:
        self._failure = ProducerFailed(reason)
        for _, future in self._waiting:
            if not future.done():
                future.set_exception(self._failure)
        self._waiting.clear()
        end(reason)
