"""By default Kafka creates every topic that a client asks for. No request of Rollcall but `--create` creates
one."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from aiokafka.errors import KafkaError
from confluent_kafka.admin import AdminClient

from app.engine import EXIT_PROTECT
from app.engine.config import ReaderConfig
from app.engine.log_reader import LogReader
from app.engine.tables.write_ledger import LogPartition
from tests.broker import stock_broker
from tests.integration.worker import Site
from tests.kafka import produce, topic_names
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until


@pytest.fixture
def site(stock: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    return Site(stock, unique, tmp_path)


@pytest.mark.kafka
def test_a_worker_that_is_refused_leaves_no_topic_behind(
    unique: Callable[[str], str], tmp_path: Path
) -> None:
    # No other test creates topics on this Kafka.
    with stock_broker() as own:
        before = topic_names(own)
        assert "missing topics" in Site(own, unique, tmp_path).refused(TOPICS_CREATE="false")
        assert topic_names(own) == before


def test_the_canonical_topic_does_not_come_back_wrong_after_it_was_deleted(site: Site) -> None:
    topic = site.settings.topic_events
    admin = AdminClient({"bootstrap.servers": site.broker})
    with site.worker() as worker:
        worker.wait_ready()
        admin.delete_topics([topic])[topic].result()
        wait_until(lambda: topic not in topic_names(site.broker), "the topic is gone")
        # The worker writes to the topic, reads it, and asks for its metadata.
        produce(
            site.broker, site.settings.topic_of("magine"), [(None, body) for body in bodies("magine", 20)]
        )
        assert worker.exit_code() == EXIT_PROTECT
    assert topic not in topic_names(site.broker)


async def test_the_reader_of_changelogs_does_not_create_one(stock: str, unique: Callable[[str], str]) -> None:
    topic = unique("changelog")
    config = ReaderConfig(bootstrap_servers=stock)
    async with LogReader(config).session() as session:
        with suppress(KafkaError, TimeoutError):
            await asyncio.wait_for(session.ends([LogPartition(topic, 0)]), 5)
    assert topic not in await asyncio.to_thread(topic_names, stock)
    # The test is of use: this broker creates the topic for a client that does not forbid it.
    await asyncio.to_thread(produce, stock, topic, [(None, b"1")])
    assert topic in await asyncio.to_thread(topic_names, stock)
