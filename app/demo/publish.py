"""Sends the stories' bodies, as a bridge from webhooks to Kafka would."""

import asyncio
from collections.abc import Sequence
from typing import Final

from aiokafka import AIOKafkaProducer
from msgspec import Struct

import app.aiokafka_patches  # noqa: F401 - a look at a topic must not create it
from app.demo.story import Body, Story
from app.settings import Settings

# The stories' largest bodies are over a mebibyte, more than brokers take; compressed they are tiny.
_LARGEST_BYTES: Final = 4 << 20


class Sent(Struct, frozen=True):
    """A body and where it went: `topic/partition/offset`, as `origin` says it."""

    story: Story
    body: Body
    origin: str


Told = Sequence[tuple[Story, Body]]


async def publish(settings: Settings, told: Told, recorded: int) -> list[Sent]:
    """Returns when the broker has acknowledged all of it; what has one key keeps its order.

    `recorded`: the records' timestamp, milliseconds since 1970. Raises KafkaError.
    """
    async with AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
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
        places = await asyncio.gather(*acknowledgements)
    return [
        Sent(story, body, f"{place.topic}/{place.partition}/{place.offset}")
        for (story, body), place in zip(told, places, strict=True)
    ]
