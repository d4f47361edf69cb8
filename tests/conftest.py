"""Fixtures for everyone: one real Kafka a test session, and names that no other test uses."""

import os
import signal
import sys
import uuid
from collections.abc import Callable, Iterator

import pytest

from app.embedded_kafka import EmbeddedKafka

# A shell that starts the tests in the background has them ignore SIGINT, and so would all that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session")
def broker() -> Iterator[str]:
    """Bootstrap servers, `host:port[,..]`: those of BROKER_URL if it is set, else an embedded Kafka's."""
    url = os.environ.get("BROKER_URL", "")
    if url:
        yield url.removeprefix("kafka://")
        return
    with EmbeddedKafka(progress=lambda line: print(line, file=sys.stderr)) as kafka:
        yield kafka.bootstrap


@pytest.fixture
def unique() -> Callable[[str], str]:
    """`unique("users")` gives a topic, group or app id that no other test and no earlier run has used."""
    suffix = uuid.uuid4().hex[:12]
    return lambda name: f"{name}-{suffix}"
