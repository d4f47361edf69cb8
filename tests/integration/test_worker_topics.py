"""Topics that are deleted, get more partitions or another cleanup policy while a worker runs."""

from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient

from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, add_partitions, create_topics, produce, set_config, topic_names
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = pytest.mark.traced

WATCHING = ("tests.integration.topic_watch_worker",)


@pytest.fixture
def site(stock: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    # Kafka's own defaults: a broker that creates each topic for which a client asks.
    return Site(stock, unique, tmp_path, **NOT_EXPELLED)


def wait_not_ready(worker: WorkerProcess, reason: str) -> None:
    wait_until(lambda: reason in worker.get("/readyz")[1], f"not ready: {reason}")
    assert worker.get("/readyz")[0] == 503
    assert worker.count("rollcall_topic_problems") == 1
    assert worker.count("rollcall_ready") == 0


def lines_with(worker: WorkerProcess, text: str) -> int:
    return sum(text in line for line in worker.stderr().splitlines())


def test_a_worker_is_not_ready_while_a_topic_is_missing_or_has_another_policy(site: Site) -> None:
    vendor, (users, _) = site.settings.topic_of("amity"), site.settings.changelogs
    admin = AdminClient({"bootstrap.servers": site.broker})
    with site.worker(WATCHING) as worker:
        worker.wait_ready()
        set_config(site.broker, users, "cleanup.policy", "compact,delete")
        wait_not_ready(worker, f"topic {users} has cleanup.policy=compact,delete, not compact")
        set_config(site.broker, users, "cleanup.policy", "compact")
        worker.wait_ready()
        # A start only warns of this.
        set_config(site.broker, vendor, "cleanup.policy", "compact")

        admin.delete_topics([vendor])[vendor].result()
        wait_not_ready(worker, f"missing topics: {vendor}")
        assert vendor not in topic_names(site.broker)
        create_topics(site.broker, {vendor: 3})
        worker.wait_ready()
        produce(
            site.broker, vendor, [(b"%d" % number, body) for number, body in enumerate(bodies("amity", 20))]
        )
        wait_until(lambda: worker.count("rollcall_records_received_total") == 20, "the new topic is read")
        worker.stop()
        assert lines_with(worker, f"not ready: missing topics: {vendor}") == 1
        assert lines_with(worker, f"no longer: missing topics: {vendor}") == 1
        assert lines_with(worker, "not ready: ") == lines_with(worker, "no longer: ") == 2


def test_a_vendor_topic_may_grow_and_the_canonical_topic_may_not(site: Site) -> None:
    vendor, events = site.settings.topic_of("magine"), site.settings.topic_events
    with site.worker(WATCHING) as worker:
        worker.wait_ready()
        add_partitions(site.broker, {vendor: 6})
        records = [
            ToSend(None, body, [], None, number % 6) for number, body in enumerate(bodies("magine", 60))
        ]
        produce(site.broker, vendor, records)
        wait_until(lambda: worker.count("rollcall_records_received_total") == 60, "all partitions are read")
        worker.wait_ready()
        assert worker.count("rollcall_topic_problems") == 0

        add_partitions(site.broker, {events: 4})
        wait_not_ready(worker, f"topic {events} has 4 partitions, not 3")
