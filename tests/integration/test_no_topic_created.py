"""On a Kafka that creates topics that are asked for, its default, no request of ours but `--create` does."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from confluent_kafka.admin import AdminClient

from app.lane import EXIT_PROTECT
from app.lane.ledger import LogPartition
from app.lane.reader import ChangelogReader, ReaderConfig
from tests.bench.bodies import bodies
from tests.integration.worker import Site
from tests.kafka import produce, topic_names
from tests.waiting import wait_until


@pytest.fixture
def site(stock: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    return Site(stock, unique, tmp_path)


def test_a_worker_that_is_refused_leaves_no_topic_behind(site: Site) -> None:
    before = topic_names(site.broker)
    assert "missing topics" in site.refused(TOPICS_CREATE="false")
    assert topic_names(site.broker) == before


def test_the_canonical_topic_does_not_come_back_wrong_after_it_was_deleted(site: Site) -> None:
    topic = site.settings.topic_events
    admin = AdminClient({"bootstrap.servers": site.broker})
    with site.worker() as worker:
        worker.wait_ready()
        admin.delete_topics([topic])[topic].result()
        wait_until(lambda: topic not in topic_names(site.broker), "the topic is gone")
        # It writes to it, reads it, and asks where it is.
        produce(
            site.broker, site.settings.topic_of("magine"), [(None, body) for body in bodies("magine", 20)]
        )
        assert worker.exit_code() == EXIT_PROTECT
    assert topic not in topic_names(site.broker)


async def test_the_reader_of_changelogs_does_not_create_one(stock: str, unique: Callable[[str], str]) -> None:
    topic = unique("changelog")
    config = ReaderConfig(bootstrap_servers=stock, client={"request_timeout_ms": 1_000})
    async with ChangelogReader(config).session() as session:
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(session.ends([LogPartition(topic, 0)]), 5)
    assert topic not in await asyncio.to_thread(topic_names, stock)
    # That it could have been created: this broker does so for a client that does not forbid it.
    await asyncio.to_thread(produce, stock, topic, [(None, b"1")])
    assert topic in await asyncio.to_thread(topic_names, stock)
