"""A worker that ends with code 70 leaves its group before, so that the others go on at once."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka
from app.engine import EXIT_PROTECT
from tests.integration.feeder import Feeder
from tests.integration.recount import assert_canonical, assert_tables, recount
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import members
from tests.waiting import wait_until

pytestmark = [pytest.mark.traced, pytest.mark.untraced]  # its workers are, the test itself is not

DYING = "tests.integration.dying_worker"
LINE = "stopping to protect data: "
NOT_LEFT = "the group is not left"


def make_site(broker: str, unique: Callable[[str], str], folder: Path) -> Site:
    site = Site(broker, unique, folder)
    site.create_vendor_topics()
    return site


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    return make_site(broker, unique, tmp_path)


def die(worker: WorkerProcess) -> str:
    """Returns what the worker says at its death."""
    worker.signal(signal.SIGUSR1)
    assert worker.exit_code() == EXIT_PROTECT
    said = worker.stderr()
    assert said.count(LINE) == 1
    return said


def test_another_worker_goes_on_at_once_and_nothing_lands_behind_it(site: Site) -> None:
    with ExitStack() as running:
        dying, other = (running.enter_context(site.worker((DYING, "patient"))) for _ in range(2))
        with Feeder(site):
            for worker in (dying, other):
                worker.wait_ready()
                wait_until(lambda w=worker: w.count("rollcall_table_effects_total"), "rows are written")  # type: ignore[misc]
            shared = other.count("rollcall_partitions")
            assert NOT_LEFT not in die(dying)
            wait_until(lambda: members(site.broker, site.settings.app_id) == 1, "one member is left")
            wait_until(lambda: other.count("rollcall_partitions") > shared, "it has all partitions")
        site.wait_at_rest()
        # If a row of the dead worker had come later, the other one would have found it.
        assert ("foreign",) not in other.metric("rollcall_engine_incidents_total", "kind")
        other.stop()
    assert_canonical(site, recount(site), repeats=True)
    assert_tables(site)


def test_a_static_member_keeps_its_place(site: Site) -> None:
    with site.worker((DYING, "static")) as worker:
        worker.wait_ready()
        assert NOT_LEFT not in die(worker)
    assert members(site.broker, site.settings.app_id) == 1


@pytest.mark.kafka
@pytest.mark.parametrize("fault", [EmbeddedKafka.pause, EmbeddedKafka.kill])
def test_a_worker_whose_broker_is_away_dies_without_leaving(
    unique: Callable[[str], str], tmp_path: Path, fault: Callable[[EmbeddedKafka], None]
) -> None:
    with EmbeddedKafka() as kafka, ExitStack() as running:
        site = make_site(kafka.bootstrap, unique, tmp_path)
        worker = running.enter_context(site.worker((DYING, "hasty")))
        worker.wait_ready()
        fault(kafka)
        assert NOT_LEFT in die(worker)
