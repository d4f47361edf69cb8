"""The time between two fetches from one broker."""

import asyncio
from itertools import pairwise
from time import monotonic
from types import SimpleNamespace
from typing import Any

from app.engine.consumer.fetch_pace import pace_fetches

INTERVAL = 0.05
LONG = 60.0


class Fetcher:
    """Stands in for aiokafka's: it notes when it would send each request, and to which broker."""

    def __init__(self) -> None:
        self.sent: list[tuple[int, float]] = []

    async def _proc_fetch_request(self, _assignment: object, broker: int, _request: object) -> bool:
        self.sent.append((broker, monotonic()))
        return True


def paced(interval: float) -> Any:
    consumer: Any = SimpleNamespace(_fetcher=Fetcher())
    pace_fetches(consumer, interval)
    return consumer._fetcher


async def test_a_fetch_waits_for_the_time_of_its_broker() -> None:
    fetcher = paced(INTERVAL)
    for _ in range(3):
        assert await fetcher._proc_fetch_request(None, 1, None)
    times = [at for _, at in fetcher.sent]
    assert all(later - earlier >= INTERVAL for earlier, later in pairwise(times))


async def test_the_first_fetch_and_other_brokers_do_not_wait() -> None:
    fetcher = paced(LONG)
    assert await fetcher._proc_fetch_request(None, 1, None)
    assert await fetcher._proc_fetch_request(None, 2, None)
    assert [broker for broker, _ in fetcher.sent] == [1, 2]


async def test_a_fetch_that_is_cancelled_while_it_waits_has_found_nothing() -> None:
    """The client awaits it without a guard when it closes, and when its partitions are taken away."""
    fetcher = paced(LONG)
    await fetcher._proc_fetch_request(None, 1, None)
    waiting = asyncio.ensure_future(fetcher._proc_fetch_request(None, 1, None))
    await asyncio.sleep(0)
    waiting.cancel()
    assert await waiting is False
    assert len(fetcher.sent) == 1
