"""Bodies to canonical events in Bytewax, with the same pure functions.

    python -m tests.tools.bench.peers.bytewax_map SHAPE BROKER GROUP SOURCES EVENTS PARTITIONS

Bytewax commits no offsets to Kafka; it keeps them in a recovery store, which this flow does without. So it is
favoured, and its progress is what it has written.
"""

import sys

from bytewax import operators as op
from bytewax.connectors.kafka import KafkaSinkMessage, KafkaSourceMessage
from bytewax.connectors.kafka import operators as kop
from bytewax.dataflow import Dataflow
from bytewax.testing import cluster_main
from confluent_kafka import OFFSET_BEGINNING

from app.canonical import encode_event
from tests.tools.bench.peers.job import Job
from tests.tools.bench.peers.same_functions import HEADERS, mapper_of

_RECORDS = 4_000


def flow_of(job: Job) -> Dataflow:
    mappers = {source: mapper_of(source) for source in job.sources}

    def to_events(
        records: "list[KafkaSourceMessage[bytes | None, bytes]]",
    ) -> "list[KafkaSinkMessage[bytes, bytes]]":
        return [
            KafkaSinkMessage(event.partitionkey.encode(), encode_event(event), headers=HEADERS)
            for record in records
            for event in mappers[record.topic](
                record.partition, record.offset, round(record.timestamp[1]), record.value
            )
        ]

    flow = Dataflow("peers")
    bodies = kop.input(
        "bodies",
        flow,
        brokers=[job.broker],
        topics=list(job.sources),
        starting_offset=OFFSET_BEGINNING,
        add_config={"max.partition.fetch.bytes": str(4 << 20)},
        batch_size=_RECORDS,
    )
    events = op.flat_map_batch("map", bodies.oks, to_events)
    kop.output(
        "events",
        events,
        brokers=[job.broker],
        topic=job.events,
        add_config={"partitioner": "murmur2_random", "linger.ms": "5", "batch.size": "900000"},
    )
    return flow


if __name__ == "__main__":
    cluster_main(flow_of(Job.of_arguments(sys.argv[1:])), [], 0)
