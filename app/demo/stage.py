"""Starts a Kafka and a worker for the demo, and ends both with it."""

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from msgspec import Struct

from app.connection import connection_options
from app.demo.names import without_ours, worker_settings
from app.demo.story import Story
from app.demo.waiting import Deadline
from app.demo.worker_process import WorkerProcess
from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError
from app.embedded_kafka.properties import free_ports
from app.environment import load
from app.errors import CommandFailed
from app.settings import Settings
from app.topics import expected_topics

Say = Callable[[str], None]


class Stage(Struct, frozen=True):
    """A running worker. `settings` are the worker's, `environment` has them as variables."""

    settings: Settings
    environment: dict[str, str]
    worker: WorkerProcess


@contextmanager
def stage(stories: tuple[Story, ...], seconds: float, say: Say) -> Iterator[tuple[Stage, Deadline]]:
    """Gives a ready worker, which runs until the context ends. The deadline counts from the moment at which
    the broker runs.

    If the environment has `BROKER_URL`, that broker is used, and the topics of the demo are deleted there at
    the end; else an embedded Kafka is started. Raises CommandFailed.
    """
    with ExitStack() as stack:
        broker = None
        try:
            if not os.environ.get("BROKER_URL"):
                broker = stack.enter_context(EmbeddedKafka(progress=say)).bootstrap
            (port,) = free_ports(1)
        except EmbeddedKafkaError as error:
            if error.log_tail:
                say(error.log_tail)
            raise CommandFailed(str(error)) from None
        deadline = Deadline(seconds)
        environment = worker_settings(os.environ, stories, broker=broker, port=port)
        settings = load(environment)
        if broker is None:
            say(f"Kafka: {settings.bootstrap}, with topics of the demo's own, deleted at the end")
            stack.callback(_delete_topics, settings, say)
        say("Worker: starting")
        worker = WorkerProcess({**without_ours(os.environ), **environment}, port)
        stack.callback(worker.stop)
        worker.wait_ready(deadline)
        say("Worker: ready")
        yield Stage(settings, environment, worker), deadline


def _delete_topics(settings: Settings, say: Say) -> None:
    names = [topic.name for topic in expected_topics(settings)]

    async def delete() -> None:
        admin = AIOKafkaAdminClient(**connection_options(settings))
        try:
            await admin.start()
            await admin.delete_topics(names, timeout_ms=10_000)
        finally:
            await admin.close()

    try:
        asyncio.run(delete())
    except (KafkaError, OSError) as error:
        say(f"The demo's topics, {settings.app_id}.*, could not be deleted: {type(error).__name__}")
