"""A process that writes one record of each size given, and prints a line after each acknowledgement.

`python -m tests.engine.toy_writer BOOTSTRAP TOPIC SIZE...`
"""

import asyncio
import logging
import sys

from app.engine.config import ProducerConfig
from app.engine.producer.producer import GroupCommitProducer


async def write(bootstrap: str, topic: str, sizes: list[int]) -> None:
    producer = GroupCommitProducer(ProducerConfig(bootstrap_servers=bootstrap))
    await producer.start()
    for size in sizes:
        producer.append(topic, 0, None, b"x" * size)
        await producer.flush()
        print("flushed", size, flush=True)
    await producer.stop()


if __name__ == "__main__":
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    logging.getLogger("aiokafka").setLevel(logging.ERROR)  # it warns of every retry
    asyncio.run(write(sys.argv[1], sys.argv[2], list(map(int, sys.argv[3:]))))
