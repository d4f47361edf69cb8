"""The producer's client of aiokafka: how it is started, and closed while brokers are away."""

import asyncio
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiokafka import AIOKafkaProducer

from app.engine.config import ProducerConfig


async def started_client(config: ProducerConfig) -> AIOKafkaProducer:
    """Returns a connected client. Raises aiokafka's KafkaError if no broker answers."""
    client = AIOKafkaProducer(
        bootstrap_servers=config.bootstrap_servers,
        **config.security.options(),
        acks="all",
        enable_idempotence=True,
        compression_type=config.compression,
        max_batch_size=config.batch_bytes,
        request_timeout_ms=int(config.request_timeout_seconds * 1000),
    )
    try:
        await client.start()
    except BaseException:
        await client.stop()
        raise
    return client


def watch_retries(client: AIOKafkaProducer, retried: Callable[[str], None]) -> None:
    """Has `retried` called with its topic each time that a batch is queued to be sent again."""
    accumulator = client._message_accumulator
    reenqueue = accumulator.reenqueue

    def watched(batch: Any) -> None:
        retried(batch.tp.topic)
        reenqueue(batch)

    accumulator.reenqueue = watched


async def abandon(client: AIOKafkaProducer) -> None:
    """Closes the connections. aiokafka's own stop() first waits until a broker accepts what is left."""
    client._closed = True
    sender = client._sender.sender_task
    while not sender.done():  # after the first cancellation it still waits for its requests
        sender.cancel()
        await asyncio.sleep(0)
    await client.client.close()


def sockets_of(client: AIOKafkaProducer) -> list[socket.socket]:
    """Returns a copy of the socket of each open connection. The connections are not affected when a copy is
    closed."""
    sockets = []
    for connection in client.client._conns.values():
        if connection._writer is not None:
            with suppress(OSError):  # it is lost, and aiokafka has not seen it yet
                sockets.append(connection._writer.get_extra_info("socket").dup())
    return sockets
