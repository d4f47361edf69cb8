"""`rollcall topics` on real brokers: a friendly one, and one with the defaults that Kafka ships with."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from app.embedded_kafka.properties import free_ports
from app.environment import load
from app.topic_admin import _create
from app.topics import TopicSpec, expected_topics
from app.vendors import VENDORS
from tests.cli.command import run
from tests.kafka import create_topics, topic_names

pytestmark = pytest.mark.traced


@pytest.fixture
def ours(each_broker: str, unique: Callable[[str], str]) -> dict[str, str]:
    topics = {f"TOPIC_{name.upper()}": unique(name) for name in (*VENDORS, "events", "dead_letter")}
    return {"BROKER_URL": each_broker, "APP_ID": unique("crew"), "PARTITIONS_EVENTS": "2", **topics}


@asynccontextmanager
async def started(broker: str) -> AsyncIterator[AIOKafkaAdminClient]:
    admin = AIOKafkaAdminClient(bootstrap_servers=broker)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()


def test_topics_are_shown_created_and_checked(ours: dict[str, str]) -> None:
    topics = expected_topics(load(ours))
    shown = run("topics", ours=ours)
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.decode() == "".join(f"{topic.name}  missing\n" for topic in topics)

    checked = run("topics", "--check", ours=ours)
    assert checked.returncode == 1
    assert checked.stderr.count(b"\n") == 1
    assert checked.stderr.startswith(b"rollcall: missing topics: ")

    created = run("topics", "--create", ours=ours)
    assert (created.returncode, created.stderr) == (0, b"")
    assert created.stdout.decode() == "".join(
        f"{topic.name}  partitions={topic.partitions} cleanup.policy={topic.cleanup}\n" for topic in topics
    )
    # A second run changes nothing.
    again = run("topics", "--create", "--check", ours=ours)
    assert (again.returncode, again.stdout, again.stderr) == (0, created.stdout, b"")


def test_a_topic_that_is_wrong_is_shown_and_fails_the_check(ours: dict[str, str]) -> None:
    create_topics(ours["BROKER_URL"], {ours["TOPIC_EVENTS"]: 5})
    assert run("topics", ours=ours).returncode == 0
    done = run("topics", "--create", ours=ours)
    assert done.returncode == 1
    assert f"{ours['TOPIC_EVENTS']}  partitions=5 cleanup.policy=delete\n" in done.stdout.decode()
    assert done.stderr.decode().startswith(
        f"rollcall: topic {ours['TOPIC_EVENTS']} has 5 partitions, not 2: "
    )


def test_each_setting_is_shown_beside_what_is_expected(ours: dict[str, str]) -> None:
    create_topics(ours["BROKER_URL"], {ours["TOPIC_DEAD_LETTER"]: 1}, retention_ms="1000")
    shown = run("topics", ours=ours).stdout.decode()
    retention = "  retention.ms=1000, expected at least 2592000000; warn: records are deleted sooner than the"
    name = ours["TOPIC_DEAD_LETTER"]
    assert f"{name}  partitions=1 cleanup.policy=delete\n{retention} settings say\n" in shown
    assert "cleanup.policy=delete, expected" not in shown
    every = run("topics", "--settings", ours=ours).stdout.decode()
    for line in (
        "partitions=1",
        "replicas=1, expected at least 1",
        "cleanup.policy=delete, expected exactly delete",
    ):
        assert f"\n  {line}\n" in every

    as_json = run("topics", "--json", "--check", ours=ours)
    assert as_json.returncode == 1
    found = json.loads(as_json.stdout)
    assert [line.partition(": ")[0] for line in found["problems"]] == ["missing topics"]
    topics = {topic["name"]: topic for topic in found["topics"]}
    assert topics.keys() == {topic.name for topic in expected_topics(load(ours))}
    assert topics[ours["TOPIC_EVENTS"]] == {
        "name": ours["TOPIC_EVENTS"],
        "role": "canonical",
        "exists": False,
        "problem": "",
        "settings": [],
    }
    (kept,) = (each for each in topics[name]["settings"] if each["name"] == "retention.ms")
    assert kept == {
        "name": "retention.ms",
        "actual": "1000",
        "expected": "at least 2592000000",
        "verdict": "warn",
        "why": "records are deleted sooner than the settings say",
    }


def test_a_look_changes_nothing(ours: dict[str, str]) -> None:
    names = {topic.name for topic in expected_topics(load(ours))}
    for arguments in (("topics",), ("topics", "--check")):
        assert b"missing" in run(*arguments, ours=ours).stdout
        assert not names & topic_names(ours["BROKER_URL"])


def test_what_is_not_as_it_is_created_is_warned_of(ours: dict[str, str]) -> None:
    settings = load(ours)
    create_topics(ours["BROKER_URL"], {ours["TOPIC_FYND"]: 2}, cleanup_policy="compact,delete")
    create_topics(ours["BROKER_URL"], {settings.changelogs[0]: 2}, cleanup_policy="compact")
    done = run("topics", "--create", ours=ours)
    assert done.returncode == 0
    lines = done.stderr.decode().splitlines()
    assert [line.partition("=")[0] for line in lines] == [
        f"rollcall: warning: topic {ours['TOPIC_FYND']} has cleanup.policy",
        *(
            f"rollcall: warning: topic {settings.changelogs[0]} has {config}"
            for config in (
                "max.message.bytes",
                "min.compaction.lag.ms",
                "min.cleanable.dirty.ratio",
                "max.compaction.lag.ms",
                "segment.ms",
                "delete.retention.ms",
            )
        ),
    ]


def test_a_changelog_that_forgets_is_refused_in_one_line(ours: dict[str, str]) -> None:
    name = load(ours).changelogs[1]
    create_topics(ours["BROKER_URL"], {name: 2}, cleanup_policy="compact,delete")
    done = run("topics", "--create", ours=ours)
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.decode().startswith(
        f"rollcall: topic {name} has cleanup.policy=compact,delete, not compact: "
    )


def test_a_topic_is_created_without_what_a_cluster_refuses(
    ours: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The invalid value takes the place of a managed cluster's policy, which would need a class of Java: it
    is refused with a similar line."""
    topic = TopicSpec(ours["TOPIC_EVENTS"], 2, "compact", True, "changelog", {"segment.ms": "-1"})

    async def create() -> None:
        async with started(ours["BROKER_URL"]) as admin:
            await _create(admin, [topic], 1)

    asyncio.run(create())
    assert topic.name in topic_names(ours["BROKER_URL"])
    (record,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert record.getMessage().startswith(f"created topic {topic.name} without segment.ms: ")


def test_a_topic_of_dead_letters_is_created_with_the_limit_of_a_cluster_that_takes_less(
    ours: dict[str, str], caplog: pytest.LogCaptureFixture
) -> None:
    """The invalid value takes the place of 16 MiB on a managed cluster, which refuses them in the same way.
    Its own limit is enough for most dead letters."""
    configs = {"max.message.bytes": "-1", "retention.ms": "1000", "message.timestamp.after.max.ms": "1"}
    topic = TopicSpec(ours["TOPIC_DEAD_LETTER"], 2, "delete", False, "dead_letter", configs)

    async def create() -> None:
        async with started(ours["BROKER_URL"]) as admin:
            await _create(admin, [topic], 1)

    asyncio.run(create())
    assert topic.name in topic_names(ours["BROKER_URL"])
    (record,) = (each for each in caplog.records if each.levelname == "WARNING")
    assert record.getMessage().startswith(
        f"created topic {topic.name} without max.message.bytes, message.timestamp.after.max.ms: "
    )


def test_what_the_broker_refuses_is_one_line(ours: dict[str, str]) -> None:
    done = run("topics", "--create", ours=ours | {"REPLICATION_FACTOR": "3"})
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.decode().startswith(
        f"rollcall: topic {ours['TOPIC_SELFCOMMUNITY']} could not be created: "
    )


def test_without_a_broker_it_is_one_line() -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    done = run("topics", ours={"BROKER_URL": f"kafka://{nobody}", "BROKER_WAIT": "0.1"})
    assert done.returncode == 1
    assert done.stderr.decode() == f"rollcall: no broker answered at {nobody} within 0.1 s\n"
