"""A bare aiokafka loop that counts its commits. It shows how much the broker and the machine can do at the
moment.

`python -m tests.tools.faults.yardstick BROKER TOPIC GROUP` writes a line for each commit. The loop works a
tenth of the time and rests in between. If its work takes longer, its rest takes longer, too. So on a machine
that gives it half as much time, it commits half as often.
"""

import asyncio
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from tests.kafka import create_topics
from tests.tools.faults.failed import CaseFailed

BEATS_A_SECOND: Final = 2
"""How often it commits on an idle machine, at most."""
_ROOT: Final = Path(__file__).parents[3]
_RECORDS: Final = 500
_REST: Final = 9.0


class Yardstick:
    """The running loop."""

    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process = process
        self._beats = 0
        self._thread = threading.Thread(target=self._count, daemon=True)
        self._thread.start()

    def beats(self) -> int:
        """Returns how often the loop has committed. Raises CaseFailed if it has ended."""
        if (code := self._process.poll()) is not None:
            raise CaseFailed(f"the bare aiokafka loop has ended with {code}: nothing can be judged")
        return self._beats

    def _count(self) -> None:
        assert self._process.stdout is not None
        for _ in self._process.stdout:
            self._beats += 1


@contextmanager
def yardstick(broker: str) -> Iterator[Yardstick]:
    """Runs the loop on a topic and in a group of its own."""
    name = f"yardstick-{uuid.uuid4().hex[:12]}"
    create_topics(broker, {name: 1}, retention_ms="60000")
    command = [sys.executable, "-m", "tests.tools.faults.yardstick", broker, name, name]
    with subprocess.Popen(command, cwd=_ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE) as process:
        try:
            yield Yardstick(process)
        finally:
            process.kill()


async def _beat(producer: AIOKafkaProducer, consumer: AIOKafkaConsumer, partition: TopicPartition) -> None:
    """Writes some records, reads them and commits."""
    sent = [await producer.send(partition.topic, b"%d" % number, partition=0) for number in range(_RECORDS)]
    last = max([(await each).offset for each in sent])
    while await consumer.position(partition) <= last:
        await consumer.getmany(timeout_ms=200)
    await consumer.commit({partition: last + 1})


async def _loop(broker: str, topic: str, group: str) -> None:
    partition = TopicPartition(topic, 0)
    producer = AIOKafkaProducer(bootstrap_servers=broker, acks="all")
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=broker,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="latest",
    )
    async with producer, consumer:
        while not consumer.assignment():
            await consumer.getmany(timeout_ms=200)
        await consumer.seek_to_end(partition)
        while True:
            began = time.monotonic()
            # While a broker is away or a partition moves, nobody can commit, and no beat is counted.
            with suppress(KafkaError):
                await _beat(producer, consumer, partition)
                print(flush=True)
            await asyncio.sleep(max(_REST * (time.monotonic() - began), 1 / BEATS_A_SECOND))


if __name__ == "__main__":
    asyncio.run(_loop(*sys.argv[1:]))
