"""Calls a function for each event of `users.events`, and drops events that come again.

    python consumer.py 127.0.0.1:9092 my-group

An event comes at least once. If one of the last `pairs` events had its (source, id), it is dropped. The
memory is that of this process: after a restart, or if the partition moves to another member, an event can
come again.
"""

import asyncio
import json
import sys
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from contextlib import suppress
from hashlib import blake2b
from itertools import chain
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.errors import CommitFailedError

Event = dict[str, Any]


async def consume(
    act: Callable[[Event], Awaitable[None]], topic: str = "users.events", pairs: int = 200_000, **options: Any
) -> None:
    """Never returns. If `act` raises, the events since the last commit come again at the next start."""
    consumer = AIOKafkaConsumer(topic, enable_auto_commit=False, auto_offset_reset="earliest", **options)
    seen = OrderedDict[bytes, None]()
    async with consumer:
        while True:
            batches = await consumer.getmany(timeout_ms=1_000)
            for record in chain.from_iterable(batches.values()):
                try:
                    event = json.loads(record.value)
                    pair = blake2b(f"{event['source']} {event['id']}".encode(), digest_size=16).digest()
                except (TypeError, ValueError, LookupError, RecursionError):
                    continue  # No canonical event: a worker makes a dead letter of it.
                if pair not in seen:
                    await act(event)
                    seen[pair] = None
                    if len(seen) > pairs:
                        seen.popitem(last=False)
            if batches:
                # If the group has given a partition to another member, its events come again there.
                with suppress(CommitFailedError):
                    await consumer.commit()


async def show(event: Event) -> None:
    """Prints the name and the user of an event: no personal values."""
    print(event["type"], event["partitionkey"], event["time"], flush=True)


if __name__ == "__main__":
    asyncio.run(consume(show, bootstrap_servers=sys.argv[1], group_id=sys.argv[2]))
