"""Sends the batches of a request group, and writes what a broker refuses in another way.

An error that belongs to one record (`refusals.py`) is answered for that record: its batch is split until the
record is alone, and the other records are written in their order (docs/design.md#group-commit).
"""

import asyncio
from collections.abc import Callable

from aiokafka import AIOKafkaProducer, TopicPartition

from app.engine.producer.batches import Batch, RequestGroup, instead_of
from app.engine.producer.refusals import NoAnswer, refusal_of

Acknowledged = Callable[[str, int, int, int], None]
"""Called with the topic, the partition, the base offset and the record count of every acknowledged batch. The
offset is negative if the broker knew the batch as a duplicate, but not its offset
(DuplicateSequenceNumber)."""


async def send_batches(
    client: AIOKafkaProducer, topic: str, request_group: RequestGroup, acknowledged: Acknowledged
) -> None:
    """Returns when the records of all batches are acknowledged, or answered in another way.

    Raises the error of a batch if it puts the log in doubt.
    """
    sent = [
        await client.send_batch(batch.builder, topic, partition=partition)
        for partition, batch in request_group
    ]
    answers = await asyncio.gather(*sent, return_exceptions=True)
    for (partition, batch), answer in zip(request_group, answers, strict=True):
        if isinstance(answer, BaseException):
            await _send_instead(client, TopicPartition(topic, partition), batch, answer, acknowledged)
        else:
            acknowledged(topic, partition, answer.offset, batch.record_count())


async def _send_instead(
    client: AIOKafkaProducer,
    where: TopicPartition,
    batch: Batch,
    error: BaseException,
    acknowledged: Acknowledged,
) -> None:
    """Writes the records of a refused batch in their order, without the one that the broker refused.

    The later batches of the partition wait meanwhile. Raises the error if it puts the log in doubt.
    """
    refusal = refusal_of(error)
    if refusal is None:
        raise error
    # aiokafka has numbered the records of the batch, and the broker has none of them. No other batch of the
    # partition is in flight, so the next one can have the same numbers, as in Kafka's own producer.
    client._txn_manager.increment_sequence_number(where, -batch.record_count())
    try:
        parts = instead_of(batch, refusal, client.create_batch)
    except NoAnswer:
        raise error from None
    for part in parts:
        sent = await client.send_batch(part.builder, where.topic, partition=where.partition)
        try:
            written = await sent
        except Exception as problem:  # noqa: BLE001 - the call judges it
            await _send_instead(client, where, part, problem, acknowledged)
        else:
            acknowledged(where.topic, where.partition, written.offset, part.record_count())
