"""Sends the stories' bodies, as a bridge from webhooks to Kafka would."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from msgspec import Struct

from app.connection import connection_options
from app.demo.story import Story, StoryRecord
from app.settings import Settings

# The largest bodies of the stories are over a mebibyte, which brokers refuse; compressed, they are tiny.
_LARGEST_BYTES: Final = 4 << 20


class Sent(Struct, frozen=True):
    """A body, and the position of its record: `topic/partition/offset`, as `origin` has it."""

    story: Story
    body: StoryRecord
    origin: str


Told = Sequence[tuple[Story, StoryRecord]]


async def publish(settings: Settings, told: Told, recorded: int) -> list[Sent]:
    """Returns what was sent, when the broker has acknowledged all of it. Records of one key keep their order.

    `recorded`: the timestamp of all records, in milliseconds since 1970. Raises KafkaError.
    """
    async with AIOKafkaProducer(
        **connection_options(settings),
        enable_idempotence=True,
        compression_type="gzip",
        max_request_size=_LARGEST_BYTES,
    ) as producer:
        acknowledgements = [
            await producer.send(
                settings.topic_of(story.vendor),
                body.value,
                key=body.key.encode(),
                headers=list(body.headers),
                timestamp_ms=recorded,
            )
            for story, body in told
        ]
        written = await asyncio.gather(*acknowledgements)
    return [
        Sent(story, body, f"{record.topic}/{record.partition}/{record.offset}")
        for (story, body), record in zip(told, written, strict=True)
    ]
