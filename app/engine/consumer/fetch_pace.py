"""Keeps some time between two fetches from one broker, so that each finds more records
(docs/design.md#pace)."""

import asyncio
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.fetcher import Fetcher


def pace_fetches(consumer: AIOKafkaConsumer, interval: float) -> None:
    """Makes a started consumer begin a fetch from a broker `interval` seconds after the one before at the
    earliest.

    A fetch that has waited for records for longer is followed by the next one at once.
    """
    fetcher: Fetcher = consumer._fetcher
    fetch, began = fetcher._proc_fetch_request, dict[int, float]()

    async def fetch_in_time(assignment: Any, broker: int, request: Any) -> bool:
        left = began.get(broker, 0.0) + interval - monotonic()
        if left > 0:
            try:
                await asyncio.sleep(left)
            except asyncio.CancelledError:
                # The client is closed, or its partitions are taken away. aiokafka awaits this answer then.
                return False
        began[broker] = monotonic()
        return await fetch(assignment, broker, request)  # type: ignore[no-any-return]

    fetcher._proc_fetch_request = fetch_in_time
