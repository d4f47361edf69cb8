"""A missing right is named by `rollcall topics --check`, and by the worker, which then does not start."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from app.engine import EXIT_PROTECT
from app.engine.fatal import EXIT_REFUSED
from app.settings import Settings
from app.topic_admin import prepare_topics
from tests import rights
from tests.broker import shared
from tests.cli.command import run
from tests.integration.test_crash_loops import notes
from tests.integration.test_worker_dead_letters import UNCHECKED
from tests.integration.worker import Site
from tests.kafka import ToSend, produce
from tests.tools.bench.bodies import bodies
from tests.tools.faults.cluster import authorising_broker

pytestmark = pytest.mark.kafka

TOPIC_OF: dict[str, Callable[[Settings], str]] = {
    "vendor": lambda settings: settings.topic_of("fynd"),
    "canonical": lambda settings: settings.topic_events,
    "dead letters": lambda settings: settings.topic_dead_letter,
    "users": lambda settings: settings.changelogs[0],
    "loyalty": lambda settings: settings.changelogs[1],
}
RIGHTS = {
    "vendor": "READ",
    "canonical": "READ and WRITE",
    "dead letters": "WRITE",
    "users": "READ and WRITE",
    "loyalty": "READ and WRITE",
}


@contextmanager
def _guarded_broker() -> Iterator[str]:
    with authorising_broker() as cluster:
        yield cluster.broker


@pytest.fixture(scope="module")
def guarded(session_folder: Path) -> Iterator[str]:
    with shared(session_folder / "guarded", _guarded_broker) as servers:
        yield servers


@pytest.fixture
def site(guarded: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(guarded, unique, tmp_path)
    asyncio.run(prepare_topics(site.settings, create=True))
    return site


def deny(broker: str, topic: str, operation: AclOperation) -> None:
    """Takes this right on the topic away from everybody."""
    rights.deny(broker, ResourceType.TOPIC, topic, operation)


@pytest.mark.parametrize("which", TOPIC_OF)
def test_a_topic_that_may_not_be_described_is_not_taken_for_missing(site: Site, which: str) -> None:
    topic = TOPIC_OF[which](site.settings)
    deny(site.broker, topic, AclOperation.DESCRIBE)
    said = site.refused()
    assert said.startswith(f"not authorized to describe topic {topic} ")
    assert f"a worker needs {RIGHTS[which]} on it" in said
    assert "missing topics" not in said

    checked = run("topics", "--check", ours=site.variables)
    assert (checked.returncode, checked.stderr.decode()) == (1, f"rollcall: {said}\n")
    assert f"{topic}  unknown: {said}\n" in checked.stdout.decode()


@pytest.mark.parametrize("which", [each for each in TOPIC_OF if each != "vendor"])
def test_settings_that_may_not_be_read_are_not_taken_for_wrong_ones(site: Site, which: str) -> None:
    topic = TOPIC_OF[which](site.settings)
    deny(site.broker, topic, AclOperation.DESCRIBE_CONFIGS)
    said = site.refused()
    assert said == f"not authorized to read the settings of topic {topic}: DESCRIBE_CONFIGS on it is missing"

    checked = run("topics", "--check", ours=site.variables)
    assert (checked.returncode, checked.stderr.decode()) == (1, f"rollcall: {said}\n")
    assert f"{topic}  partitions=3 cleanup.policy=unknown\n" in checked.stdout.decode()


def test_a_right_that_is_lost_while_a_worker_runs_is_named_and_counts_against_no_partition(
    site: Site,
) -> None:
    settings = site.settings
    topic = settings.topic_of("magine")
    written, changelog = settings.topic_events, settings.changelogs[0]
    records = [ToSend(None, body) for body in bodies("magine", 30)]
    with site.worker() as worker:
        worker.wait_ready()
        produce(site.broker, topic, records)
        site.wait_at_rest()
        deny(site.broker, written, AclOperation.WRITE)
        produce(site.broker, topic, records)
        assert worker.exit_code() == EXIT_PROTECT
        said = f"a write to {written} failed: TopicAuthorizationFailedError (WRITE on it is missing)"
        assert said in worker.stderr()
    assert notes(site) == {}
    assert site.refused() == f"not authorized to write topic {written}: WRITE on it is missing"

    # Without the check of the start the rest is found when it is refused, as on brokers that tell no rights.
    for lost, code in ((changelog, EXIT_REFUSED), (topic, EXIT_PROTECT)):
        with (
            rights.without_right(site.broker, ResourceType.TOPIC, lost, AclOperation.READ),
            site.worker(UNCHECKED) as worker,
        ):
            assert worker.exit_code() == code
            assert f"not authorized to read topic {lost}: READ on it is missing" in worker.stderr()
        assert notes(site) == {}


def test_of_a_vendor_topic_settings_need_not_be_known(site: Site) -> None:
    topic = site.settings.topic_of("fynd")
    deny(site.broker, topic, AclOperation.DESCRIBE_CONFIGS)
    warning = (
        f"not authorized to read the settings of topic {topic}: DESCRIBE_CONFIGS on it is missing;"
        " whether it is compacted is not known"
    )
    checked = run("topics", "--check", ours=site.variables)
    assert (checked.returncode, checked.stderr.decode()) == (0, f"rollcall: warning: {warning}\n")
    with site.worker() as worker:
        worker.wait_ready()
        assert warning in worker.stderr()
        worker.stop()
