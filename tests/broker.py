"""The Kafka that tests, benches and the soak run on."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from app.embedded_kafka import EmbeddedKafka


@contextmanager
def any_broker() -> Iterator[str]:
    """Bootstrap servers, `host:port[,..]`: those of BROKER_URL if it is set, else an embedded Kafka's, which
    says on stderr what it does."""
    if url := os.environ.get("BROKER_URL", ""):
        yield url.removeprefix("kafka://")
    else:
        with EmbeddedKafka(progress=_say) as kafka:
            yield kafka.bootstrap


@contextmanager
def stock_broker() -> Iterator[str]:
    """Bootstrap servers of an embedded Kafka with the defaults that Kafka ships with."""
    with EmbeddedKafka(stock=True, progress=_say) as kafka:
        yield kafka.bootstrap


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
