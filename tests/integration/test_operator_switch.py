"""An operator pauses a vendor, or the canonical topic, and resumes it: with workers and without, under load,
over a kill and restarts, in workers that read different vendors. Nothing is lost and nothing is repeated."""

import threading
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import count
from pathlib import Path

import msgspec
import pytest

from app.engine import CommitNote
from app.status import Status
from tests.integration.groups import members
from tests.integration.recount import assert_everything
from tests.integration.test_crash_loops import notes
from tests.integration.worker import NOT_EXPELLED, Site, WorkerProcess
from tests.kafka import ToSend, committed, produce
from tests.tools.bench.bodies import bodies
from tests.waiting import GIVE_UP_SECONDS, wait_until

PARTITIONS = 3
BY_OPERATOR = "by an operator: a move"


@pytest.fixture
def site(broker: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(broker, unique, tmp_path, VENDORS="magine,fynd", **NOT_EXPELLED)
    site.create_vendor_topics()
    return site


class Switch:
    """The topic of Magine, which is paused and resumed, and what is sent to it and to the others."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self.topic = site.settings.topic_of("magine")
        self._sent = count()

    def send(self, vendor: str) -> None:
        first = 100 * next(self._sent)
        records = [
            ToSend(None, body, partition=number % PARTITIONS)
            for number, body in enumerate(bodies(vendor, 90, first=first))
        ]
        produce(self.site.broker, self.site.settings.topic_of(vendor), records)

    @contextmanager
    def load(self) -> Iterator[None]:
        """Sends to Magine while the block runs, and once more after it."""
        ended = threading.Event()

        def send() -> None:
            while not ended.is_set():
                self.send("magine")

        thread = threading.Thread(target=send)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()
        self.send("magine")

    def run(self, *arguments: str) -> tuple[int, str]:
        """Returns the exit code and the output of a command."""
        done = self.site.run(*arguments)
        return done.returncode, done.stdout + done.stderr

    def offsets(self) -> dict[int, int]:
        return committed(self.site.broker, self.site.settings.app_id, self.topic)

    def wait_paused(self, *workers: WorkerProcess) -> None:
        """Returns when all that was begun is committed, and checks that each partition has its reason."""
        for worker in workers:
            wait_until(partial(says_paused, worker), "/readyz and the metrics say that it is paused")
        received = [each.metric("rollcall_records_received_total", "vendor") for each in workers]
        handled = sum(each.get(("magine",), 0) for each in received)
        wait_until(lambda: sum(self.offsets().values()) >= handled, "what was begun is committed")
        reasons = {each: note for each, note in notes(self.site).items() if each[0] == self.topic}
        assert reasons == {(self.topic, each): CommitNote(reason=BY_OPERATOR) for each in range(PARTITIONS)}

    def assert_others_flow(self) -> None:
        before = self.offsets()
        self.send("fynd")
        self.wait_only_lag(self.topic)
        assert self.offsets() == before

    def wait_only_lag(self, *topics: str) -> None:
        wait_until(lambda: set(self.site.lag()) == {*topics}, "all others are handled")


def says_paused(worker: WorkerProcess) -> bool:
    gauges = ("rollcall_vendor_held", "rollcall_vendor_paused_by_operator")
    return f"magine is paused {BY_OPERATOR}" in worker.get("/readyz")[1] and all(
        worker.metric(gauge, "vendor") == {("magine",): 1} for gauge in gauges
    )


def post(worker: WorkerProcess, path: str) -> None:
    # No command: each takes a second to start, and the load goes on meanwhile.
    request = urllib.request.Request(f"{worker.url}{path}", method="POST")
    with urllib.request.urlopen(request, timeout=GIVE_UP_SECONDS) as answer:
        assert answer.status == 200


def test_what_an_operator_pauses_stays_paused_until_it_is_resumed(site: Site) -> None:
    switch = Switch(site)
    # Nothing was ever committed, and no worker has run.
    done = switch.run("pause", "magine", "--no-workers", "--reason", "a move")
    assert done == (0, "magine is paused: 3 partitions\n")
    assert switch.offsets() == dict.fromkeys(range(PARTITIONS), 0)
    switch.send("magine")
    with site.worker(GROUP_INSTANCE_ID="one") as one, site.worker(VENDORS="magine") as two:
        wait_until(lambda: [len(each.partitions) > 0 for each in members(site)] == [True] * 2, "both work")
        switch.wait_paused(one, two)
        switch.assert_others_flow()
        assert_refusals(switch, two)
        assert_shown(switch, one, two)
        code, said = switch.run("resume", "magine", "--url", one.url, "--url", two.url)
        assert (code, sum(int(line.split()[-2]) for line in said.splitlines())) == (0, PARTITIONS)
        site.wait_at_rest()
        assert notes(site) == {}
        for worker in (one, two):
            worker.wait_ready()
        pause_under_load(switch, one, two)
        # The other one takes the partitions over, and with them the pause.
        before = switch.offsets()
        one.kill()
        assert switch.run("leave", "one")[0] == 0
        switch.wait_paused(two)
        # The words of a second pause do not replace those of the first.
        assert switch.run("pause", "magine", "--url", two.url)[0] == 0
        switch.wait_paused(two)
        assert switch.offsets() == before
        two.stop()
    with site.worker() as three:
        switch.wait_paused(three)
        switch.assert_others_flow()
        three.stop()
    assert switch.run("resume", "magine", "--no-workers") == (0, "magine is resumed: 3 partitions\n")
    code, said = switch.run("resume", "magine", "--no-workers")
    assert (code, said) == (1, f"rollcall: magine is not paused in group {site.settings.app_id}\n")
    pause_the_canonical_topic(switch)
    assert notes(site) == {}
    assert_everything(site)


def assert_refusals(switch: Switch, worker: WorkerProcess) -> None:
    """Checks what is refused while workers run, one of which does not read Fynd."""
    assert switch.run("pause", "fynd", "--url", worker.url) == (
        1,
        f"rollcall: {worker.url} says: fynd is not in VENDORS\n",
    )
    for command in ("pause", "resume"):
        code, said = switch.run(command, "magine", "--no-workers")
        assert (code, said.count("\n")) == (1, 1)
        assert said.startswith(f"rollcall: group {switch.site.settings.app_id} has members: ")


def assert_shown(switch: Switch, one: WorkerProcess, two: WorkerProcess) -> None:
    """Checks that `rollcall top` shows each partition of the topic, with its reason."""
    both = ["--url", one.url, "--url", two.url]
    code, said = switch.run("top", "--json", *both)
    answers = [msgspec.json.decode(line, type=Status) for line in said.splitlines()]
    shown = [
        (each.partition, each.paused)
        for status in answers
        for topic in status.topics
        for each in topic.partitions
        if topic.vendor == "magine"
    ]
    assert (code, sorted(shown)) == (0, [(number, BY_OPERATOR) for number in range(PARTITIONS)])
    code, said = switch.run("top", "--once", *both)
    assert (code, said.startswith(f"group {switch.site.settings.app_id}: 2 of 2 workers\n")) == (0, True)


def pause_under_load(switch: Switch, one: WorkerProcess, two: WorkerProcess) -> None:
    received = one.count("rollcall_records_received_total")
    with switch.load():
        wait_until(lambda: one.count("rollcall_records_received_total") > received, "it works")
        for worker in (one, two):
            post(worker, "/vendors/magine/pause?reason=a%20move")
    switch.wait_paused(one, two)
    switch.assert_others_flow()
    assert ("fynd",) not in two.metric("rollcall_records_received_total", "vendor")


def pause_the_canonical_topic(switch: Switch) -> None:
    """Pauses it in one worker, and resumes it in the next one, which has not read the rows of its partitions
    until then."""
    site = switch.site
    with site.worker() as worker:
        site.wait_at_rest()
        assert switch.run("pause", "events", "--url", worker.url) == (0, "events is paused: 3 partitions\n")
        switch.send("fynd")
        switch.wait_only_lag(site.settings.topic_events)
        assert "events is paused by an operator" in worker.stderr()
        worker.stop()
    with site.worker() as worker:
        wait_until(lambda: "events is paused by an operator" in worker.get("/readyz")[1], "it is paused")
        switch.send("magine")
        switch.wait_only_lag(site.settings.topic_events)
        assert worker.count("rollcall_table_rows") == 0
        assert switch.run("resume", "events", "--url", worker.url) == (
            0,
            "events is resumed: 3 partitions\n",
        )
        site.wait_at_rest()
        worker.wait_ready()
        worker.stop()
