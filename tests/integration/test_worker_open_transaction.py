"""A producer's transaction stays open: its records and all after them wait, and no lag shows it."""

import json
from collections.abc import Callable
from pathlib import Path

from tests.integration.recount import assert_everything
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, produce
from tests.tools.bench.bodies import bodies
from tests.transactions import transactions
from tests.waiting import wait_until

GAUGE = "rollcall_open_transaction_seconds"


def problems(worker: WorkerProcess) -> list[str]:
    """Returns what /readyz says; nothing if the worker does not answer in time."""
    found: list[str] = json.loads(worker.get("/readyz")[1] or '{"problems": []}')["problems"]
    return found


def test_a_long_open_transaction_is_said_until_it_ends(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    site = Site(broker, unique, tmp_path, **NOT_EXPELLED)
    site.create_vendor_topics()
    topic = site.settings.topic_of("magine")
    records = [ToSend(None, body, [], None, 1) for body in bodies("magine", 30)]
    with (
        transactions(broker, unique("producer")) as producer,
        site.worker(["tests.integration.impatient_worker"]) as worker,
    ):
        worker.wait_ready()
        produce(broker, topic, records[:10])
        site.wait_at_rest()
        producer.begin(topic, records[10:20])
        produce(broker, topic, records[20:])
        said = f"an open transaction holds back {topic}/1"
        wait_until(lambda: problems(worker) == [said], "the worker says that it waits")
        assert worker.metric(GAUGE, "topic").keys() == {(topic,)}
        assert worker.count("rollcall_records_received_total") == 10
        producer.commit()
        worker.wait_ready()
        wait_until(lambda: worker.count(GAUGE) == 0, "the gauge says that nothing is held back")
        site.wait_at_rest()
        assert_everything(site, [worker])
        worker.stop()
