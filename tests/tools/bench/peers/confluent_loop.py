"""A loop that somebody writes by hand with confluent-kafka, around the same pure functions.

    python -m tests.tools.bench.peers.confluent_loop SHAPE BROKER GROUP SOURCES EVENTS PARTITIONS

What it does and what it lacks is as in aiokafka_loop.py.
"""

import sys
from time import monotonic

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer

from app.canonical import encode_event
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.same_functions import HEADERS, RowsInMemory, mapper_of

_COMMIT_SECONDS = 0.5
_RECORDS = 4_000
_WAIT_SECONDS = 0.1


def _run(job: Job) -> None:
    consumer = Consumer(
        {
            "bootstrap.servers": job.broker,
            "group.id": job.group,
            "auto.offset.reset": "earliest",
            "enable.auto.commit": False,
            "max.partition.fetch.bytes": 4 << 20,
        }
    )
    producer = Producer(
        {
            "bootstrap.servers": job.broker,
            "partitioner": "murmur2_random",
            "linger.ms": 5,
            "batch.size": 900_000,
            "queue.buffering.max.messages": 1_000_000,
            # Else a callback for each record is a tenth of the loop.
            "delivery.report.only.error": True,
        }
    )
    consumer.subscribe([*job.sources, *([job.events] if job.full else [])])
    mappers, rows = {source: mapper_of(source) for source in job.sources}, RowsInMemory()
    headers = dict[str, str | bytes | None](HEADERS)
    committed, handled = monotonic(), False
    while True:
        for record in consumer.consume(_RECORDS, _WAIT_SECONDS):
            if (error := record.error()) is not None:
                raise KafkaException(error)
            handled = True
            value = record.value()
            if (events_of := mappers.get(record.topic())) is not None:  # type: ignore[arg-type]
                timestamp = record.timestamp()[1]
                for event in events_of(record.partition(), record.offset(), timestamp, value):  # type: ignore[arg-type]
                    key = event.partitionkey.encode()
                    producer.produce(
                        job.events, encode_event(event), key, headers=headers, on_delivery=_refused
                    )
            else:
                rows.apply(record.key(), value)  # type: ignore[arg-type]
        for table, key, row in rows.take_changed():
            producer.produce(job.changelogs[table], row, key, on_delivery=_refused)
        producer.flush()
        if handled and monotonic() - committed >= _COMMIT_SECONDS:
            consumer.commit(asynchronous=True)
            committed, handled = monotonic(), False


def _refused(error: KafkaError | None, _message: "Message[bytes, bytes]") -> None:
    if error is not None:
        raise KafkaException(error)


if __name__ == "__main__":
    _run(Job.of_arguments(sys.argv[1:]))
