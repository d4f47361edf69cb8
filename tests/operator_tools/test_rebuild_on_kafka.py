"""Both changelogs are made again, and workers switched to them: under load, after a kill, for a corrected
mapping. The rows are those of a run that was never interrupted and never wrong."""

import json
import signal
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest

from app.canonical import Event, decode_event, encode_event
from app.engine import partition_of
from app.state import encode_loyalty, encode_user, fold
from tests.integration.recount import assert_everything, recount
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import ToSend, consume_all, delete_records, end_offsets, produce
from tests.operator_tools.canonical import event
from tests.tools.bench.bodies import bodies
from tests.tools.faults.verifier import wrong_rows as verified_rows
from tests.waiting import wait_until

pytestmark = pytest.mark.traced

PARTITIONS = 3


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, VENDORS="magine,selfcommunity", **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


class Operator:
    """Runs a command for one name of new topics."""

    def __init__(self, site: Site, command: str, name: str, *arguments: str) -> None:
        self.site = site
        self._arguments = [command, "--into", name, "--json", *arguments]

    def run(self, *arguments: str) -> dict[str, Any]:
        done = self.site.run(*self._arguments, *arguments)
        assert done.returncode == 0, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def refused(self, *arguments: str) -> str:
        """Returns the last line on standard error."""
        done = self.site.run(*self._arguments, *arguments)
        assert done.returncode == 1, done.stdout + done.stderr
        assert "Traceback" not in done.stderr
        return done.stderr.splitlines()[-1].removeprefix("rollcall: ")

    def kill(self, *arguments: str) -> None:
        """Kills a run as soon as it has created its topics."""
        with self.site.start(*self._arguments, *arguments) as process:
            assert process.stderr is not None
            for line in process.stderr:
                if b"created topic" in line:
                    break
            process.send_signal(signal.SIGKILL)


def send(site: Site, count: int, first: int) -> None:
    for vendor in site.settings.vendor_names:
        produce(
            site.broker,
            site.settings.topic_of(vendor),
            [ToSend(None, body) for body in bodies(vendor, count, users=200, first=first)],
        )


def test_nothing_is_lost_between_the_rebuild_and_the_switch(site: Site, unique: Callable[[str], str]) -> None:
    operator = Operator(site, "rebuild", unique("rebuilt"))
    send(site, 300, 0)
    with site.worker() as worker:
        worker.wait_ready()
        site.wait_at_rest()
        operator.kill()
        assert "other arguments" in operator.refused("--continue", "--without-old", "fynd")
        # It goes on beside a worker that has work to do.
        send(site, 300, 300)
        done = operator.run("--continue")
        assert done["switch"]["ready"] is False
        assert done["switch"]["reason"].startswith(f"group {site.settings.app_id} has 1 member: ")
        send(site, 300, 600)
        wait_until(lambda: worker.count("rollcall_table_effects_total") > 0, "it works")
        worker.stop()
    # What the worker has left is handled after the switch.
    send(site, 100, 900)
    done = operator.run("--continue")
    assert done["switch"]["ready"] is True
    assert done["events"] > 0
    check = operator.run("--check")
    assert {(each["differing"], each["missing"], each["unexpected"]) for each in check.values()} == {
        (0, 0, 0)
    }
    assert sum(each["equal"] for each in check.values()) > 200
    site.variables.update(done["switch"]["settings"])
    assert set(site.settings.changelogs) == set(done["written"])
    with site.worker() as worker:
        worker.wait_ready()
        send(site, 100, 1000)
        site.wait_at_rest()
        worker.stop()
    assert_everything(site)


WRONG_WORKER = ("tests.operator_tools.wrong_worker", "worker")


def test_a_wrong_mapping_is_mended_replayed_and_its_rows_made_again(
    site: Site, unique: Callable[[str], str]
) -> None:
    """The rows are those of all records of the vendors by the right mapping."""
    second = unique("second")
    send(site, 60, 0)
    # No record of a vendor is the origin of an import, so nothing can take its place.
    imported = event("imported", "2025-01-01T00:00:00.000000Z", vendor="magine", origin="-", name="Ada")
    with site.worker(WRONG_WORKER) as worker:
        worker.wait_ready()
        write(site, site.settings.topic_events, [imported])
        site.wait_at_rest()
        worker.stop()
    with site.worker() as worker:
        worker.wait_ready()
        send(site, 60, 120)
        replayed = site.run("replay", "--vendor", "magine", "--into", second, "--allow-old", "--json")
        assert replayed.returncode == 0, replayed.stderr
        # What comes now is not on the second topic.
        send(site, 60, 180)
        site.wait_at_rest()
        worker.stop()
    assert wrong_rows(site, imported) > 0
    operator = Operator(site, "rebuild", unique("mended"), "--from", second, "--without-old", "magine")
    done = operator.run()
    assert done["covered"] > 0
    site.variables.update(done["switch"]["settings"])
    assert wrong_rows(site, imported) == 0
    assert_refusals(site, unique)


def assert_refusals(site: Site, unique: Callable[[str], str]) -> None:
    """Checks what is refused when nobody may know what would be missing."""
    events = site.settings.topic_events
    delete_records(
        site.broker, events, {number: end - 5 for number, end in end_offsets(site.broker, events).items()}
    )
    operator = Operator(site, "rebuild", unique("again"), "--without-old")
    assert "older than their first event" in operator.refused()
    site.variables["TOPIC_LOYALTY"] = unique("lost")
    operator = Operator(site, "rebuild", unique("third"))
    assert "the first records of 3 partitions" in operator.refused()
    done = operator.run("--partial")
    assert done["merged"] > 0
    site.variables["PARTITIONS_EVENTS"] = "4"
    operator = Operator(site, "rebuild", unique("fourth"))
    assert "has 3 partitions, and PARTITIONS_EVENTS is 4" in operator.refused()


def wrong_rows(site: Site, imported: Event) -> int:
    """Returns how many rows are not those that the right mapping makes of the vendors' records."""
    events = [imported, *(decode_event(value) for _, value in recount(site).events)]
    rows = {key.encode(): each for key, each in fold(events).items()}
    users = {key: encode_user(each.user) for key, each in rows.items() if each.user}
    loyalty = {key: encode_loyalty(each.loyalty) for key, each in rows.items() if each.loyalty}
    logs = [consume_all(site.broker, topic) for topic in site.settings.changelogs]
    return sum(map(verified_rows, logs, (users, loyalty)))


def write(site: Site, topic: str, events: Iterable[Event]) -> None:
    keyed = [(each.partitionkey.encode(), encode_event(each)) for each in events]
    produce(
        site.broker,
        topic,
        [ToSend(key, value, partition=partition_of(key, PARTITIONS)) for key, value in keyed],
    )
