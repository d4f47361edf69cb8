"""A group whose coordinator refuses a worker: what can go away is said once and waited for, also in a running
worker; everything else ends the worker with its name."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self

import pytest
from confluent_kafka import Consumer
from confluent_kafka.admin._acl import AclOperation
from confluent_kafka.admin._resource import ResourceType

from app.engine import EXIT_PROTECT
from tests.broker import shared
from tests.integration.recount import assert_everything
from tests.integration.worker import Site, WorkerProcess
from tests.kafka import members, produce
from tests.rights import without_right
from tests.tools.bench.bodies import bodies
from tests.tools.faults.cluster import authorising_broker
from tests.waiting import wait_until

pytestmark = pytest.mark.kafka

# Two strangers fill a group.
LIMITS = {"group.max.size": "2", "group.max.session.timeout.ms": "20000"}
# A real worker with short sessions, so that a test need not wait long for their end.
SHORT = ("tests.integration.outcast_worker",)
EVENTS = 30
# The client's default is longer than this broker allows. A shorter one would end if the machine stands still.
CLASSIC = {"session.timeout.ms": "20000"}


@contextmanager
def _strict_broker() -> Iterator[str]:
    with authorising_broker(**LIMITS) as cluster:
        yield cluster.broker


@pytest.fixture(scope="module")
def strict(session_folder: Path) -> Iterator[str]:
    with shared(session_folder / "strict", _strict_broker) as servers:
        yield servers


@pytest.fixture
def site(strict: str, unique: Callable[[str], str], tmp_path: Path) -> Site:
    site = Site(strict, unique, tmp_path)
    site.create_vendor_topics()
    return site


class Stranger:
    """A consumer that is no worker, in the worker's group. Use it as a context manager."""

    def __init__(self, site: Site, options: dict[str, str]) -> None:
        config: dict[str, Any] = {
            "bootstrap.servers": site.broker,
            "group.id": site.settings.app_id,
            "enable.auto.commit": False,
            **options,
        }
        self._consumer = Consumer(config)
        self._topic = site.settings.topic_of("fynd")
        self.joined = threading.Event()
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._poll)

    def _poll(self) -> None:
        with closing(self._consumer):
            self._consumer.subscribe([self._topic], on_assign=lambda *_: self.joined.set())
            while not self._over.is_set():
                self._consumer.poll(0.1)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()


@contextmanager
def strangers(site: Site, count: int, options: dict[str, str] = CLASSIC) -> Iterator[None]:
    with ExitStack() as stack:
        for each in [stack.enter_context(Stranger(site, options)) for _ in range(count)]:
            wait_until(each.joined.is_set, "the stranger is in the group")
        yield


def no_right(site: Site) -> AbstractContextManager[None]:
    return without_right(site.broker, ResourceType.GROUP, site.settings.app_id, AclOperation.READ)


def no_right_at_all(site: Site) -> AbstractContextManager[None]:
    """Returns the context in which the worker may not even ask for the coordinator."""
    return without_right(site.broker, ResourceType.GROUP, site.settings.app_id, AclOperation.ALL)


OTHER_PROTOCOL = "has members that are no workers of Rollcall"
NOT_AUTHORISED = "READ on it is missing"
CAUSES: dict[str, tuple[Callable[[Site], AbstractContextManager[None]], str]] = {
    "full": (lambda site: strangers(site, 2), " is full: "),
    "other-assignor": (lambda site: strangers(site, 1), OTHER_PROTOCOL),
    "new-protocol": (
        lambda site: strangers(site, 1, {"group.protocol": "consumer"}),
        "other members of the group have group.protocol=consumer",
    ),
    "right": (no_right, NOT_AUTHORISED),
    "right-to-describe": (no_right_at_all, NOT_AUTHORISED),
}


def send(site: Site, first: int) -> None:
    records = [(None, body) for body in bodies("magine", EVENTS, first=first)]
    produce(site.broker, site.settings.topic_of("magine"), records)


def wait_refused(worker: WorkerProcess, text: str) -> None:
    wait_until(lambda: text in worker.get("/readyz")[1], f"/readyz says: {text}")


def work(site: Site, worker: WorkerProcess, first: int) -> None:
    send(site, first)
    worker.wait_ready()
    site.wait_at_rest()


@pytest.mark.parametrize("kind", CAUSES)
def test_a_cause_that_can_go_away_is_said_once_and_waited_for(site: Site, kind: str) -> None:
    cause, text = CAUSES[kind]
    with ExitStack() as running:
        with cause(site):
            worker = running.enter_context(site.worker(SHORT))
            wait_refused(worker, text)
        work(site, worker, first=0)

        # The same in a worker that runs. Others can take its place only while it is stopped.
        taken = "right" not in kind
        if taken:
            worker.signal(signal.SIGSTOP)
            group = site.settings.app_id
            wait_until(lambda: members(site.broker, group) == 0, "the session of the stopped worker is over")
        with cause(site):
            worker.signal(signal.SIGCONT)
            wait_refused(worker, text)
            assert worker.get("/healthz")[0] == 200
        work(site, worker, first=EVENTS)
        lines = worker.stderr().splitlines()
        said = [line for line in lines if "trying again" in line or "asking again" in line]
        assert [text in line for line in said] == [True, True], said
        assert sum("this worker is in its group now" in line for line in lines) == 2
        worker.stop()
    assert_everything(site)


def test_a_worker_that_waits_for_its_group_ends_on_sigterm(site: Site) -> None:
    with ExitStack() as running:
        worker = running.enter_context(site.worker(SHORT))
        work(site, worker, first=0)
        running.enter_context(no_right(site))
        wait_refused(worker, NOT_AUTHORISED)
        worker.stop()


def test_a_session_timeout_that_the_brokers_refuse_is_one_line(site: Site) -> None:
    assert site.refused(SESSION_TIMEOUT="30") == (
        "the brokers refuse the session timeout of 30 s (SESSION_TIMEOUT): it must be between their"
        " group.min.session.timeout.ms and group.max.session.timeout.ms"
    )


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("failed", "the coordination of the group failed: ValueError at "),
        ("absent", "no assignment and no answered heartbeat for"),
    ],
)
def test_any_other_cause_ends_the_worker_with_its_name(site: Site, kind: str, reason: str) -> None:
    with site.worker((*SHORT, kind)) as worker:
        work(site, worker, first=0)
        worker.signal(signal.SIGUSR1)
        assert worker.exit_code() == EXIT_PROTECT
        said = worker.stderr()
    (line,) = [line for line in said.splitlines() if "stopping to protect data: " in line]
    assert reason in line
    assert "this text must not be seen" not in said


def test_an_instance_id_for_faust_does_no_harm(site: Site) -> None:
    """Only `GROUP_INSTANCE_ID` makes a static member."""
    same = {"CONSUMER_GROUP_INSTANCE_ID": "a"}
    with site.worker(SHORT, **same) as first, site.worker(SHORT, **same) as second:
        first.wait_ready()
        second.wait_ready()
        for worker in (first, second):
            wait_until(lambda each=worker: each.count("rollcall_partitions"), "it has partitions")  # type: ignore[misc]
        first.stop()
        second.stop()
