"""Static members: `GROUP_INSTANCE_ID`. A process takes over the partitions of the killed one before it. Of
two live ones with the same id the older one ends."""

import signal
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import pytest

from app.engine import EXIT_PROTECT
from tests.integration.feeder import Feeder
from tests.integration.groups import members
from tests.integration.recount import assert_canonical, assert_everything, assert_tables, recount
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import add_partitions, create_topics, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import wait_until

pytestmark = [pytest.mark.traced, pytest.mark.untraced]  # its workers are, the test itself is not

EVENTS = 300
# A test that waits for the end of such a session fails.
LONG = "1800"


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, SESSION_TIMEOUT=LONG)
    site.create_vendor_topics()
    return site


def send(site: Site, first: int) -> None:
    records = [(None, body) for body in bodies("magine", EVENTS, first=first)]
    produce(site.broker, site.settings.topic_of("magine"), records)


def wait_both_work(site: Site) -> None:
    wait_until(lambda: [bool(each.partitions) for each in members(site)] == [True, True], "both work")


def rebalances(worker: WorkerProcess) -> float:
    return worker.count("rollcall_rebalances_total")


def fenced(site: Site) -> str:
    return (
        f"another worker has joined group {site.settings.app_id} with the same GROUP_INSTANCE_ID (a); no two"
        " live workers may have the same one"
    )


def test_a_killed_worker_is_replaced_before_its_session_is_over(site: Site) -> None:
    with site.worker(GROUP_INSTANCE_ID="a") as first, site.worker(GROUP_INSTANCE_ID="b") as other:
        first.wait_ready()
        wait_both_work(site)
        first.wait_ready()
        other.wait_ready()
        send(site, 0)
        site.wait_at_rest()
        before, generations = members(site), rebalances(other)
        first.kill()
        send(site, EVENTS)
        # Nobody else has its partitions.
        assert site.lag()
        with site.worker(GROUP_INSTANCE_ID="a") as second:
            second.wait_ready()
            site.wait_at_rest()
            after = members(site)
            assert second.count("rollcall_recovered_records_total") > 0
            second.stop()
        assert after[1] == before[1]
        assert after[0].member_id != before[0].member_id
        assert after[0].partitions == before[0].partitions
        # It has heard nothing of all this.
        assert rebalances(other) == generations
        other.stop()
    assert_canonical(site, recount(site), repeats=True)
    assert_tables(site)


@pytest.mark.parametrize("frozen", [False, True])
def test_of_two_live_workers_with_one_id_the_older_one_ends_with_one_line(
    site: Site, *, frozen: bool
) -> None:
    """A worker that is stopped, and wakes up when another process has its partitions, is such a worker."""
    with site.worker(GROUP_INSTANCE_ID="a") as older:
        older.wait_ready()
        send(site, 0)
        site.wait_at_rest()
        if frozen:
            older.signal(signal.SIGSTOP)
        with site.worker(GROUP_INSTANCE_ID="a") as newer:
            if frozen:
                newer.wait_ready()
                older.signal(signal.SIGCONT)
            assert older.exit_code() == EXIT_PROTECT
            newer.wait_ready()
            send(site, EVENTS)
            site.wait_at_rest()
            assert [each.instance for each in members(site)] == ["a"]
            newer.stop()
        (line,) = [line for line in older.stderr().splitlines() if "stopping to protect data: " in line]
        assert fenced(site) in line
    assert_everything(site)


def test_a_worker_that_is_replaced_while_it_writes_ends_with_the_same_line(site: Site) -> None:
    """Its commit is refused first, and slices are in flight."""
    with ExitStack() as running:
        with Feeder(site):
            older = running.enter_context(site.worker(GROUP_INSTANCE_ID="a"))
            older.wait_ready()
            wait_until(lambda: older.count("rollcall_table_effects_total"), "rows are written")
            newer = running.enter_context(site.worker(GROUP_INSTANCE_ID="a"))
            assert older.exit_code() == EXIT_PROTECT
        assert fenced(site) in older.stderr()
        newer.wait_ready()
        site.wait_at_rest()
        newer.stop()
    assert_canonical(site, recount(site), repeats=True)
    assert_tables(site)


def test_a_static_member_whose_session_is_over_joins_again(site: Site) -> None:
    """The group has forgotten its id, so nobody has replaced it."""
    with site.worker(GROUP_INSTANCE_ID="a", SESSION_TIMEOUT="6") as worker:
        worker.wait_ready()
        worker.signal(signal.SIGSTOP)
        wait_until(lambda: not members(site), "the session is over")
        worker.signal(signal.SIGCONT)
        wait_until(lambda: [each.instance for each in members(site)] == ["a"], "it is a member again")
        send(site, 0)
        site.wait_at_rest()
        worker.stop()
    assert_everything(site)


def test_a_process_on_another_host_takes_over_as_well(site: Site) -> None:
    """A container that is made again has another host name, which Faust would write into the assignment."""
    with site.worker(GROUP_INSTANCE_ID="a", WEB_HOST="one.example.com") as first:
        first.wait_ready()
        first.kill()
    with site.worker(GROUP_INSTANCE_ID="a", WEB_HOST="two.example.com") as second:
        second.wait_ready()
        second.stop()


def test_partitions_that_came_while_no_worker_looked_are_read(site: Site) -> None:
    """A static member that comes back gets the assignment that there was, without a rebalance."""
    topic = site.settings.topic_of("magine")
    with site.worker(GROUP_INSTANCE_ID="a") as first:
        first.wait_ready()
        first.kill()
    add_partitions(site.broker, {topic: 5})
    with site.worker(GROUP_INSTANCE_ID="a") as second:
        wait_until(lambda: (topic, 4) in members(site)[0].partitions, "it has the new partitions")
        second.wait_ready()
        send(site, 0)
        site.wait_at_rest()
        second.stop()
    assert_everything(site)


@pytest.mark.parametrize("restarted", ["a", "b"])
def test_a_topic_that_only_the_restarted_worker_knows_is_read(
    site: Site, unique: Callable[[str], str], restarted: str
) -> None:
    """As in a rolling update to other topics: one is new to the group, and one that was assigned is not read
    any more. One of the two members is the group's leader."""
    topic = unique("vendor.new")
    create_topics(site.broker, {topic: 3})
    with ExitStack() as running:
        workers = {}
        for name in ("a", "b"):
            workers[name] = running.enter_context(site.worker(GROUP_INSTANCE_ID=name))
            workers[name].wait_ready()
        wait_both_work(site)
        workers[restarted].kill()
        running.enter_context(site.worker(GROUP_INSTANCE_ID=restarted, TOPIC_FYND=topic))

        def read() -> bool:
            return {(topic, 0), (topic, 1), (topic, 2)} <= {
                tp for each in members(site) for tp in each.partitions
            }

        wait_until(read, "the new topic is assigned")
