"""Publishes bodies of the five vendors: the bytes as they came, and the headers that Rollcall reads.

    python producers.py 127.0.0.1:9092 magine acme webhook-id=msg_1 < body.json

VENDORS says for each vendor where it goes, which delivery headers are kept, and where the user's id is.
"""

import asyncio
import json
import sys
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from aiokafka import AIOKafkaProducer


class Vendor(NamedTuple):
    """`kept`: HTTP headers that go into the record. `user`: paths of the user's id; the first one counts."""

    topic: str
    kept: tuple[str, ...]
    user: tuple[str, ...]


VENDORS: Final = {
    "selfcommunity": Vendor("vendor.selfcommunity.users", (), ("data.user.id", "data.id")),
    "fynd": Vendor(
        "vendor.fynd.users",
        ("x-fp-event-id",),
        tuple(f"payload.0.user.{name}" for name in ("user_id", "userId", "_id", "id")),
    ),
    "magine": Vendor("vendor.magine.users", ("webhook-id",), ("data.userId",)),
    "rocketchat": Vendor("vendor.rocketchat.users", (), ("context.user.id", "context.id")),
    "amity": Vendor("vendor.amity.users", (), ("data.users.0.userId",)),
}
TRACING: Final = ("traceparent", "tracestate")


def new_producer(**options: Any) -> AIOKafkaProducer:
    """Returns a producer whose retries write nothing twice. Bodies may be larger than Rollcall's limit."""
    return AIOKafkaProducer(enable_idempotence=True, acks="all", max_request_size=4 << 20, **options)


async def publish(
    producer: AIOKafkaProducer,
    vendor: str,
    body: bytes,
    headers: Mapping[str, str],
    tenant: str | None = None,
    topic: str | None = None,
) -> None:
    """Returns when all in-sync replicas have the record. Raises aiokafka's KafkaError if they do not get it.

    `headers`: those of the HTTP request. `tenant`: None if the body names it, as with Fynd and Rocket.Chat.
    """
    known = VENDORS[vendor]
    kept = {name: headers[name] for name in (*known.kept, *TRACING) if name in headers}
    if tenant is not None:
        kept["tenant"] = tenant
    await producer.send_and_wait(
        topic or known.topic,
        body,
        key=user_of(body, known.user),
        headers=[(name, text.encode("utf-8", "surrogateescape")) for name, text in kept.items()],
    )


def user_of(body: bytes, paths: tuple[str, ...]) -> bytes | None:
    """Returns the user's id, which as a key keeps the order of that user's events; None if there is none."""
    try:
        whole = json.loads(body)
    except (ValueError, RecursionError):
        return None
    for path in paths:
        found = whole
        for step in path.split("."):
            if isinstance(found, list):
                found = dict(enumerate(found)).get(int(step)) if step.isdigit() else None
            else:
                found = found.get(step) if isinstance(found, dict) else None
        if isinstance(found, str | int) and found != "":
            return str(found).encode("utf-8", "replace")
    return None


async def main(servers: str, vendor: str, tenant: str, *headers: str) -> None:
    """Publishes standard input as one record. A tenant of `-` is none."""
    async with new_producer(bootstrap_servers=servers) as producer:
        named = dict(header.split("=", 1) for header in headers)
        body = sys.stdin.buffer.read()
        await publish(producer, vendor, body, named, None if tenant == "-" else tenant)


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
