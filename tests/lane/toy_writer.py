"""A process that writes one record of each size given, and says after each that it was acknowledged.

`python -m tests.lane.toy_writer BOOTSTRAP TOPIC SIZE...`
"""

import asyncio
import logging
import sys

from app.lane.producer import GroupProducer
from app.lane.producer_config import ProducerConfig


async def write(bootstrap: str, topic: str, sizes: list[int]) -> None:
    producer = GroupProducer(ProducerConfig(bootstrap_servers=bootstrap))
    await producer.start()
    for size in sizes:
        producer.append(topic, 0, None, b"x" * size)
        await producer.sync()
        print("synced", size, flush=True)
    await producer.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of every retry
    asyncio.run(write(sys.argv[1], sys.argv[2], list(map(int, sys.argv[3:]))))
