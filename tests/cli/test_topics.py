"""`rollcall topics` on a real broker."""

from collections.abc import Callable

import pytest

from app.embedded_kafka.properties import free_ports
from app.settings import load
from app.topics import expected_topics
from app.vendors import VENDORS
from tests.cli.command import run
from tests.kafka import create_topics


@pytest.fixture
def ours(broker: str, unique: Callable[[str], str]) -> dict[str, str]:
    topics = {f"TOPIC_{name.upper()}": unique(name) for name in (*VENDORS, "events", "dead_letter")}
    return {"BROKER_URL": broker, "APP_ID": unique("crew"), "PARTITIONS_EVENTS": "2", **topics}


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
    # Once more changes nothing.
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


def test_what_the_broker_refuses_is_one_line(ours: dict[str, str]) -> None:
    done = run("topics", "--create", ours=ours | {"REPLICATION_FACTOR": "3"})
    assert done.returncode == 1
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.decode().startswith(
        f"rollcall: topic {ours['TOPIC_SELFCOMMUNITY']} could not be created: "
    )


def test_without_a_broker_it_is_one_line() -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    done = run("topics", ours={"BROKER_URL": f"kafka://{nobody}", "BROKER_WAIT": "1"})
    assert done.returncode == 1
    assert done.stderr.decode() == f"rollcall: no broker answered at {nobody} within 1 s\n"
