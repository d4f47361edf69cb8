"""How a worker starts, and the one line that it prints if it refuses to."""

import socket
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.admin._config import ConfigResource
from confluent_kafka.admin._resource import ResourceType

from app.embedded_kafka import EmbeddedKafka, EmbeddedKafkaError
from app.embedded_kafka.properties import free_ports
from app.vendors import VENDORS
from app.versions import PINNED
from tests.integration.bounced_worker import MOMENTS
from tests.integration.recount import assert_everything
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import create_topics, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS, wait_until

# Every interpreter that finds this file loads it before the program: one pinned library has another version.
OTHER_VERSION = """
import importlib.metadata
real = importlib.metadata.version
importlib.metadata.version = lambda name: "9.9.9" if name == {name!r} else real(name)
"""


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    return Site(broker, unique, tmp_path, **NOT_EXPELLED)


@pytest.fixture
def each_site(each_broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    """A site on each of the two brokers; one is a Kafka with its own defaults."""
    return Site(each_broker, unique, tmp_path, **NOT_EXPELLED)


def cleanup_policies(site: Site, topics: list[str]) -> dict[str, str]:
    admin = AdminClient({"bootstrap.servers": site.broker})
    wanted = [ConfigResource(ResourceType.TOPIC, topic) for topic in topics]
    answers = admin.describe_configs(wanted)
    return {each.name: future.result()["cleanup.policy"].value for each, future in answers.items()}


def test_missing_topics_are_created_as_the_contract_says(each_site: Site) -> None:
    settings = each_site.settings
    vendor_topics = [settings.topic_of(vendor) for vendor in VENDORS]
    deleted = [*vendor_topics, settings.topic_events, settings.topic_dead_letter]
    with each_site.worker() as worker:
        worker.wait_ready()
        assert cleanup_policies(each_site, [*deleted, *settings.changelogs]) == {
            **dict.fromkeys(deleted, "delete"),
            **dict.fromkeys(settings.changelogs, "compact"),
        }
        # The worker reads at once from the topics that it has just created.
        for vendor in VENDORS:
            produce(each_site.broker, settings.topic_of(vendor), [(None, body) for body in bodies(vendor, 5)])
        each_site.wait_at_rest()
        assert_everything(each_site, [worker])
        worker.stop()


def test_missing_topics_are_named_with_the_command_that_creates_them(each_site: Site) -> None:
    said = each_site.refused(TOPICS_CREATE="false")
    for topic in [
        *each_site.sources().values(),
        each_site.settings.topic_dead_letter,
        *each_site.settings.changelogs,
    ]:
        assert topic in said
    assert "rollcall topics --create" in said
    each_site.create_vendor_topics()
    said = each_site.refused(TOPICS_CREATE="false")
    assert each_site.settings.topic_events in said
    assert each_site.settings.topic_of("fynd") not in said


@pytest.mark.kafka
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_broker_that_goes_away_while_a_worker_starts_is_waited_for(
    moment: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    with EmbeddedKafka() as kafka:
        site = Site(kafka.bootstrap, unique, tmp_path, BROKER_WAIT=str(GIVE_UP_SECONDS))
        bounced = ("tests.integration.bounced_worker", moment, str(kafka.pid()), kafka.bootstrap)
        with site.worker(module=bounced) as worker:
            wait_until(
                lambda: ": waiting for" in worker.stderr() or "waiting for the" in worker.stderr(), "it waits"
            )
            wait_until(lambda: is_gone(kafka), "the broker is gone")
            kafka.start_node()
            worker.wait_ready()
            worker.stop()
    assert "Traceback" not in worker.stderr()


def is_gone(kafka: EmbeddedKafka) -> bool:
    try:
        kafka.pid()
    except EmbeddedKafkaError:
        return True
    return False


@pytest.mark.kafka
def test_a_worker_that_waits_for_a_broker_ends_on_sigterm(
    unique: Callable[[str], str], tmp_path: Path
) -> None:
    with EmbeddedKafka() as kafka:
        site = Site(kafka.bootstrap, unique, tmp_path, STOP_DEADLINE="8")
        bounced = ("tests.integration.bounced_worker", "connecting", str(kafka.pid()), kafka.bootstrap)
        with site.worker(module=bounced) as worker:
            wait_until(lambda: ": waiting for" in worker.stderr(), "it waits")
            worker.stop()
    assert "Traceback" not in worker.stderr()


@pytest.mark.parametrize("wrong", ["canonical", "users", "loyalty"])
def test_topics_that_are_partitioned_differently_are_refused(each_site: Site, wrong: str) -> None:
    settings = each_site.settings
    users, loyalty = settings.changelogs
    topic = {"canonical": settings.topic_events, "users": users, "loyalty": loyalty}[wrong]
    create_topics(
        each_site.broker, {topic: 4}, cleanup_policy="delete" if wrong == "canonical" else "compact"
    )
    said = each_site.refused()
    assert topic in said
    assert "4 partitions, not 3" in said
    assert "must never change" in said
    assert "set PARTITIONS_EVENTS" not in said


@pytest.mark.parametrize("policy", ["delete", "compact,delete"])
def test_a_changelog_that_is_not_only_compacted_is_refused(each_site: Site, policy: str) -> None:
    topic = each_site.settings.changelogs[0]
    create_topics(each_site.broker, {topic: 3}, cleanup_policy=policy)
    said = each_site.refused()
    assert said.startswith(f"topic {topic} has cleanup.policy={policy}, not compact: ")
    assert "cleanup.policy=compact" in said


@pytest.mark.parametrize("policy", ["compact", "compact,delete"])
@pytest.mark.parametrize("which", ["canonical", "dead letters"])
def test_a_topic_of_events_or_letters_that_is_compacted_is_refused(
    site: Site, which: str, policy: str
) -> None:
    settings = site.settings
    topic = settings.topic_events if which == "canonical" else settings.topic_dead_letter
    create_topics(site.broker, {topic: 3}, cleanup_policy=policy)
    assert site.refused().startswith(f"topic {topic} has cleanup.policy={policy}, not delete: ")


@pytest.mark.parametrize(
    ("config", "value"),
    [
        ("max_message_bytes", "4096"),
        ("min_insync_replicas", "2"),
        ("message_timestamp_before_max_ms", "1000"),
        ("message_timestamp_after_max_ms", "1000"),
    ],
)
@pytest.mark.parametrize("which", ["canonical", "dead letters", "users"])
def test_a_topic_that_would_refuse_every_write_is_refused(
    site: Site, which: str, config: str, value: str
) -> None:
    settings = site.settings
    topic, policy = {
        "canonical": (settings.topic_events, "delete"),
        "dead letters": (settings.topic_dead_letter, "delete"),
        "users": (settings.changelogs[0], "compact"),
    }[which]
    create_topics(site.broker, {topic: 3}, cleanup_policy=policy, **{config: value})
    said = site.refused()
    assert said.startswith(f"topic {topic} has {config.replace('_', '.')}={value}, ")
    assert f"--add-config {config.replace('_', '.')}=" in said


def test_what_is_only_worse_is_warned_of_and_the_worker_starts(each_site: Site) -> None:
    settings = each_site.settings
    create_topics(each_site.broker, {settings.topic_of("fynd"): 3}, cleanup_policy="compact")
    create_topics(each_site.broker, {settings.changelogs[0]: 3}, cleanup_policy="compact")
    with each_site.worker() as worker:
        worker.wait_ready()
        warnings = [line for line in worker.stderr().splitlines() if "[warning " in line]
        for topic, config in (
            (settings.topic_of("fynd"), "cleanup.policy"),
            (settings.changelogs[0], "max.compaction.lag.ms"),
            (settings.changelogs[0], "delete.retention.ms"),
        ):
            assert sum(f"topic {topic} has {config}=" in line for line in warnings) == 1
        worker.stop()


def test_without_a_broker_it_waits_and_says_so_in_one_line(site: Site) -> None:
    began = time.monotonic()
    address = f"127.0.0.1:{free_ports(1)[0]}"
    assert site.refused(BROKER_URL=address, BROKER_WAIT="2") == f"no broker answered at {address} within 2 s"
    assert time.monotonic() - began >= 2


def test_a_broker_that_comes_late_is_waited_for(site: Site) -> None:
    port = free_ports(1)[0]
    with (
        site.worker(BROKER_URL=f"127.0.0.1:{port}", BROKER_WAIT=str(GIVE_UP_SECONDS)) as worker,
        socket.socket() as listener,
    ):
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        listener.settimeout(GIVE_UP_SECONDS)
        connection, _ = listener.accept()
        connection.close()
        worker.kill()


@pytest.mark.parametrize(
    ("variable", "value", "said"),
    [
        ("HTTP_PORT", "99999", "HTTP_PORT: expected"),
        ("BROKER_WAIT", "soon", "BROKER_WAIT: expected"),
        ("BROKER_ULR", "127.0.0.1:1", "BROKER_ULR is no setting, did you mean BROKER_URL?"),
        ("TOPIC_MAGNE", "x", "TOPIC_MAGNE is no setting, did you mean TOPIC_MAGINE?"),
        ("TOPIC_FYND", "not a topic", "TOPIC_FYND: expected"),
    ],
)
def test_a_setting_that_is_unknown_or_malformed_is_refused(
    site: Site, variable: str, value: str, said: str
) -> None:
    assert site.refused(**{variable: value}).startswith(said)


def test_a_port_that_is_taken_is_refused(site: Site) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = site.refused(HTTP_PORT=str(port))
    assert said == f"cannot listen on 127.0.0.1:{port}: Address already in use"


@pytest.mark.parametrize("name", PINNED)
def test_another_version_of_a_pinned_library_is_refused(site: Site, tmp_path: Path, name: str) -> None:
    (tmp_path / "usercustomize.py").write_text(OTHER_VERSION.format(name=name))
    (tmp_path / "sitecustomize.py").write_text(OTHER_VERSION.format(name=name))
    said = site.refused(PYTHONPATH=str(tmp_path))
    assert said == f"{name} {PINNED[name]} is needed, found 9.9.9"
