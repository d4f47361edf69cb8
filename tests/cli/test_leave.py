"""`rollcall leave INSTANCE`: the others get the partitions of a static member that will not come back."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from app.embedded_kafka.properties import free_ports
from tests.broker import shared
from tests.cli.command import run
from tests.integration.groups import members
from tests.integration.worker import Site
from tests.kafka import create_topics
from tests.rights import without_right
from tests.tools.faults.cluster import authorising_broker
from tests.waiting import wait_until

pytestmark = pytest.mark.traced


@pytest.fixture
def ours(broker: str, unique: Callable[[str], str]) -> dict[str, str]:
    return {"BROKER_URL": broker, "APP_ID": unique("crew")}


def test_the_partitions_of_a_member_that_left_go_to_the_others(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    # A test that waits for the end of such a session fails.
    site = Site(broker, unique, tmp_path, SESSION_TIMEOUT="1800")
    site.create_vendor_topics()
    group = site.settings.app_id
    with site.worker(GROUP_INSTANCE_ID="a") as stays, site.worker(GROUP_INSTANCE_ID="b") as leaves:
        stays.wait_ready()
        wait_until(lambda: [bool(each.partitions) for each in members(site)] == [True, True], "both work")
        leaves.wait_ready()
        leaves.stop()
        assert {each.instance for each in members(site)} == {"a", "b"}

        done = run("leave", "b", ours=site.variables)
        assert (done.returncode, done.stdout, done.stderr) == (0, f"b has left group {group}\n".encode(), b"")
        wait_until(lambda: [each.instance for each in members(site)] == ["a"], "it has left")
        wait_until(lambda: len(members(site)[0].partitions) == 24, "the other one has all partitions")
        stays.wait_ready()
        stays.stop()

        again = run("leave", "b", ours=site.variables)
    assert again.returncode == 1
    assert again.stderr.decode() == f"rollcall: group {group} has no member with the GROUP_INSTANCE_ID b\n"


def test_a_group_that_does_not_exist_has_no_member(ours: dict[str, str]) -> None:
    done = run("leave", "a", ours=ours)
    assert done.returncode == 1
    group = ours["APP_ID"]
    assert done.stderr.decode() == f"rollcall: group {group} has no member with the GROUP_INSTANCE_ID a\n"


def test_without_a_broker_it_is_one_line() -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    done = run("leave", "a", ours={"BROKER_URL": nobody, "BROKER_WAIT": "0.1"})
    assert done.returncode == 1
    assert done.stderr.decode() == f"rollcall: no broker answered at {nobody} within 0.1 s\n"


def test_what_can_be_no_instance_id_is_wrong_usage() -> None:
    for text in ("", "..", "a b", "a" * 250):
        done = run("leave", text)
        assert done.returncode == 2
        assert b"expected a GROUP_INSTANCE_ID" in done.stderr


def _authorising() -> Iterator[str]:
    with authorising_broker() as cluster:
        yield cluster.broker


@pytest.fixture(scope="module")
def strict(session_folder: Path) -> Iterator[str]:
    with shared(session_folder / "leave", contextmanager(_authorising)) as servers:
        yield servers


@pytest.mark.kafka
@pytest.mark.parametrize("operation", [AclOperation.READ, AclOperation.ALL], ids=["read", "describe"])
def test_without_the_right_on_the_group_it_is_one_line(
    strict: str, unique: Callable[[str], str], operation: AclOperation
) -> None:
    group = unique("crew")
    with without_right(strict, ResourceType.GROUP, group, operation):
        done = run("leave", "a", ours={"BROKER_URL": strict, "APP_ID": group})
    assert done.returncode == 1
    assert done.stderr.decode() == f"rollcall: not authorized to leave group {group}: READ on it is missing\n"


@pytest.mark.kafka
def test_a_pause_without_workers_names_the_right_that_is_missing(
    strict: str, unique: Callable[[str], str]
) -> None:
    topic, group = unique("magine"), unique("crew")
    ours = {"BROKER_URL": strict, "APP_ID": group, "TOPIC_MAGINE": topic}
    create_topics(strict, {topic: 1})
    for kind, name, missing in (
        (ResourceType.GROUP, group, f"read group {group}"),
        (ResourceType.TOPIC, topic, f"read topic {topic}"),
    ):
        with without_right(strict, kind, name, AclOperation.READ):
            done = run("pause", "magine", "--no-workers", ours=ours)
        assert done.returncode == 1
        assert done.stderr.decode() == f"rollcall: not authorized to {missing}: READ on it is missing\n"
