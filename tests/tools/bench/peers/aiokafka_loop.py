"""A loop that somebody writes by hand with aiokafka, around the same pure functions.

    python -m tests.tools.bench.peers.aiokafka_loop SHAPE BROKER GROUP SOURCES EVENTS PARTITIONS

It reads all partitions at once, writes the rows that a batch has changed once, and commits only what is
acknowledged. It does not restore rows, has no answer to a rebalance, and no dead letters. That is less than a
service needs, so the loop is favoured.
"""

import asyncio
import sys
from time import monotonic

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from app.canonical import encode_event
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.same_functions import HEADERS, RowsInMemory, mapper_of

_COMMIT_SECONDS = 0.5
_RECORDS = 4_000


async def _run(job: Job) -> None:
    consumer = AIOKafkaConsumer(
        *job.sources,
        *([job.events] if job.full else []),
        bootstrap_servers=job.broker,
        group_id=job.group,
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        max_partition_fetch_bytes=4 << 20,
    )
    producer = AIOKafkaProducer(bootstrap_servers=job.broker, acks="all", linger_ms=5, max_batch_size=900_000)
    await consumer.start()
    await producer.start()
    mappers, rows = {source: mapper_of(source) for source in job.sources}, RowsInMemory()
    committed = monotonic()
    while True:
        sent = []
        for partition, records in (await consumer.getmany(timeout_ms=100, max_records=_RECORDS)).items():
            events_of = mappers.get(partition.topic)
            for record in records:
                if events_of is not None:
                    for event in events_of(record.partition, record.offset, record.timestamp, record.value):
                        key = event.partitionkey.encode()
                        sent.append(
                            await producer.send(job.events, encode_event(event), key, headers=HEADERS)
                        )
                else:
                    rows.apply(record.key, record.value)
        for table, key, row in rows.take_changed():
            sent.append(await producer.send(job.changelogs[table], row, key))
        if sent:
            await producer.flush()
            for each in sent:
                each.result()
        if monotonic() - committed >= _COMMIT_SECONDS:
            await consumer.commit()
            committed = monotonic()


if __name__ == "__main__":
    asyncio.run(_run(Job.of_arguments(sys.argv[1:])))
