"""Starts or finds the Kafka that tests, benches and the soak run on."""

import fcntl
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

from app.embedded_kafka import EmbeddedKafka


@contextmanager
def any_broker() -> Iterator[str]:
    """Gives bootstrap servers, `host:port[,..]`: those of BROKER_URL if it is set, otherwise those of an
    embedded Kafka, which prints its progress to stderr."""
    if url := os.environ.get("BROKER_URL", ""):
        yield url.removeprefix("kafka://")
    else:
        with EmbeddedKafka(progress=_say) as kafka:
            yield kafka.bootstrap


@contextmanager
def stock_broker() -> Iterator[str]:
    """Gives the bootstrap servers of an embedded Kafka that has Kafka's own defaults."""
    with EmbeddedKafka(stock=True, progress=_say) as kafka:
        yield kafka.bootstrap


@contextmanager
def shared(path: Path, start: Callable[[], AbstractContextManager[str]]) -> Iterator[str]:
    """Gives the bootstrap servers of one Kafka to all processes that name the same `path`, a file that does
    not exist before. The first process starts the Kafka, and at its end waits until no other process uses
    it."""
    with path.open("a+") as servers, path.with_suffix(".users").open("w") as users:
        # A process has this lock while it uses the Kafka. If it ends, the operating system removes the lock.
        fcntl.flock(users, fcntl.LOCK_SH)
        fcntl.flock(servers, fcntl.LOCK_EX)
        servers.seek(0)
        if started := servers.read():
            fcntl.flock(servers, fcntl.LOCK_UN)
            yield started
            return
        with start() as started:
            servers.write(started)
            servers.flush()
            fcntl.flock(servers, fcntl.LOCK_UN)
            yield started
            fcntl.flock(users, fcntl.LOCK_EX)
            # A process that asks from now on waits until this Kafka is gone, and then starts another.
            servers.truncate(0)


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)
