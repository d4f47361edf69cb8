"""Writes records of a command, in order, and returns when all in-sync replicas have them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    OutOfOrderSequenceNumber,
    RecordListTooLargeError,
    TopicAuthorizationFailedError,
)

from app.admin_client import AWAY
from app.connection import connection_options
from app.engine import Headers, missing_right
from app.errors import CommandFailed
from app.settings import Settings
from app.topics import DEAD_LETTER_BYTES, ROW_BYTES

_REFUSED: Final = (MessageSizeTooLargeError, RecordListTooLargeError, InvalidTimestampError)
_CLOSE_SECONDS: Final = 2.0


class Outgoing(NamedTuple):
    """A record to write. `timestamp`: in milliseconds since 1970; None for the time of writing."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()
    timestamp: int | None = None


class TopicWriter:
    """One idempotent producer. Records of one partition are written in the order in which they are given. If
    one is refused, some of those after it may be written twice; the last times are in that order."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._client: AIOKafkaProducer | None = None

    async def write(self, records: Sequence[Outgoing]) -> dict[int, str]:
        """Returns when every record is acknowledged by all in-sync replicas, or refused for itself: the index
        of each refused one, and the name of the broker's error.

        Raises CommandFailed if anything else went wrong; then some of the records may be written.
        """
        refused: dict[int, str] = {}
        first = await self._send(dict(enumerate(records)), refused)
        # A broker refuses a whole batch for one record of it, and may take later batches. So all records of
        # the partition from that batch on are written again, each alone: the last ones are in their order.
        again = [
            index
            for index, each in enumerate(records)
            if index not in refused and first.get((each.topic, each.partition), len(records)) <= index
        ]
        refuses = True
        for index in again:
            if refuses:
                # The numbers of the refused batch are missing in this producer's sequence.
                await self._close()
            refuses = bool(await self._send({index: records[index]}, refused, alone=True))
        return refused

    async def _send(
        self, records: Mapping[int, Outgoing], refused: dict[int, str], *, alone: bool = False
    ) -> dict[tuple[str, int], int]:
        """Returns by topic and partition the index of the first record that a broker has refused, for itself
        or for another one of its batch. Adds those to `refused` of which it is certain: those that are larger
        than this client sends, and if they are written `alone`, all."""
        client, sent = await self._started(), {}
        try:
            for index, each in records.items():
                try:
                    sent[index] = await client.send(
                        each.topic,
                        key=each.key,
                        value=each.value,
                        partition=each.partition,
                        timestamp_ms=each.timestamp,
                        headers=list(each.headers),
                    )
                except _REFUSED as error:
                    refused[index] = type(error).__name__
            answers = await asyncio.gather(*sent.values(), return_exceptions=True)
        except KafkaError as error:
            raise _failure(error, next(iter(records.values())).topic) from None
        first: dict[tuple[str, int], int] = {}
        for index, answer in zip(sent, answers, strict=True):
            place = records[index].topic, records[index].partition
            if isinstance(answer, _REFUSED):
                first.setdefault(place, index)
                if alone:
                    refused[index] = type(answer).__name__
            elif isinstance(answer, BaseException) and not (
                isinstance(answer, OutOfOrderSequenceNumber) and place in first
            ):
                raise _failure(answer, records[index].topic) from None
        return first

    async def _started(self) -> AIOKafkaProducer:
        settings = self._settings
        if self._client is None:
            client = AIOKafkaProducer(
                **connection_options(settings),
                acks="all",
                enable_idempotence=True,
                max_request_size=max(DEAD_LETTER_BYTES, ROW_BYTES),
                linger_ms=5,
            )
            await client.start()
            self._client = client
        return self._client

    async def _close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            stopping: asyncio.Task[Any] = asyncio.ensure_future(client.stop())
            await asyncio.wait({stopping}, timeout=_CLOSE_SECONDS)


@asynccontextmanager
async def writing(settings: Settings) -> AsyncIterator[TopicWriter]:
    """Opens a writer. It connects with the first record."""
    writer = TopicWriter(settings)
    try:
        yield writer
    finally:
        await writer._close()  # noqa: SLF001 - a writer is only closed here


def _failure(error: BaseException, topic: str) -> BaseException:
    if isinstance(error, TopicAuthorizationFailedError):
        return CommandFailed(missing_right("WRITE", topic))
    if isinstance(error, AWAY):
        return CommandFailed(f"topic {topic} cannot be written: its brokers do not answer")
    if isinstance(error, KafkaError):
        return CommandFailed(f"topic {topic} cannot be written: the broker answers {type(error).__name__}")
    return error
