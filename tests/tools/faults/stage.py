"""The stage of a case: topics and a group of its own, workers, a load, and what is demanded of them."""

import sys
import tempfile
import time
import uuid
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from msgspec import Struct

from app.environment import load, variables
from app.settings import Settings
from app.vendors import VENDORS
from tests.kafka import create_topics
from tests.tools.faults.delays import told
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.foreign import Foreign
from tests.tools.faults.load import Load
from tests.tools.faults.patience import Clock, Patience, Progress
from tests.tools.faults.pods import HOOKED, POISON, PRODUCTION, Pod, clean_environment
from tests.tools.faults.reading import seen_and_expected
from tests.tools.faults.verifier import Report, judge
from tests.tools.faults.watch import Offsets, Watch
from tests.tools.faults.yardstick import Yardstick

T = TypeVar("T")

RECOVERY_SECONDS = 60.0
"""After the end of a fault, everything that waited must be committed within this time."""
_READY_SECONDS = 60.0
_REST_SECONDS = 120.0
_POLL_SECONDS = 0.05
# The most records a second if waits are not measured by the clock. On a busy machine a case takes long, and
# to publish and to count its records takes most of the processor time of the test.
_UNHURRIED_RATE = 600


class Outcome(Struct):
    """The result of a case. Times are seconds."""

    case: str
    report: Report
    stall: float
    recovery: float
    """The longest time from the end of a fault until everything that had waited was committed."""
    reach: float
    """The longest time between an event that was later written again and the end of the worker that wrote it
    first."""
    exits: dict[int, int]
    """By exit code, how often a worker's process ended with it. A negative code is a signal."""
    seconds: float
    problems: list[str]
    notes: list[str]

    @property
    def green(self) -> bool:
        return not self.problems


class Stage:
    """A context. At its end every process that it has started is gone."""

    def __init__(
        self,
        broker: str,
        *,
        name: str = "case",
        users: int = 2_000,
        workers_via: str | None = None,
        mutant: str = "",
        beside: Yardstick | None = None,
        vendor_topics: Mapping[str, str] | None = None,
        **more: str,
    ) -> None:
        """`workers_via` is the address at which workers reach the broker, if it is another one. `mutant` is
        the safeguard that they lack (tests/tools/faults/mutations.py). `beside` is a loop on the same broker
        that waits are measured by, and not by the clock. `vendor_topics` are settings of the vendors' topics,
        with `_` for `.`; `more` are settings of the workers."""
        suffix = uuid.uuid4().hex[:12]
        self.name = name
        self.broker = broker
        self.mutant = mutant
        self.variables = {
            "BROKER_URL": workers_via or broker,
            "APP_ID": f"rollcall-{suffix}",
            "TOPIC_EVENTS": f"events-{suffix}",
            "TOPIC_DEAD_LETTER": f"dead-letter-{suffix}",
            "TOPICS_CREATE": "true",
            "PARTITIONS_VENDOR": "3",
            "PARTITIONS_EVENTS": "3",
            # The first is the shortest session that brokers allow by default. With the default of workers
            # a machine that stands still for some seconds has none expelled, which would end with code 70.
            "SESSION_TIMEOUT": "10" if beside else "6",
            # The users of the bodies were deleted years ago, and their markers must stay.
            "GRACE_PERIOD": "1000000000",
            # If waits are not measured by the clock, no deadline may end a worker that drains slowly.
            **({"STOP_DEADLINE": "600"} if beside else {}),
            **{f"TOPIC_{vendor.upper()}": f"vendor.{vendor}-{suffix}" for vendor in VENDORS},
            **more,
        }
        self.settings: Settings = load(self.variables)
        self.pods: list[Pod] = []
        self.notes: list[str] = []
        self.foreign = Foreign()
        """What the case itself has written, besides the load, into topics of workers."""
        self.recovery = 0.0
        self.patience: Patience = Clock()
        self.demands_speed = beside is None
        """Whether waits are measured by the clock."""
        self._beside = beside
        self._vendor_topics = dict(vendor_topics or {})
        self._began = time.monotonic()
        self._users = users
        self._all_pods: list[Pod] = []
        self._names = frozenset(variable.name for variable in variables())

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="rollcall-faults-")
        self.folder = Path(self._folder.name)
        topics = {self.settings.topic_of(vendor): 3 for vendor in VENDORS}
        create_topics(self.broker, topics, **self._vendor_topics)
        self.load = Load(self.broker, self.settings, users=self._users)
        self.watch = Watch(self.broker, self.settings.app_id, self.sources)
        if self._beside:
            self.patience = Progress(lambda: self.watch.commits, self._beside.beats)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        said = {pod.name: pod.problems() for pod in self.pods} if kind is not None else {}
        for pod in self._all_pods:
            pod.remove()
        self.watch.close()
        if kind is not None:
            for pod in self._all_pods:
                print(
                    f"-- worker {pod.name}: exits {pod.exits}; /readyz said: {said.get(pod.name, '')}",
                    file=sys.stderr,
                )
                print(pod.log_tail(), file=sys.stderr)
        self._folder.cleanup()

    @property
    def sources(self) -> list[str]:
        """All topics that the workers read and commit."""
        return [*(self.settings.topic_of(vendor) for vendor in VENDORS), self.settings.topic_events]

    # -- workers

    def pod(self, *, point: str = "", hooked: bool = False, **more: str) -> Pod:
        """Starts another worker and returns it. With `point` it ends there (tests/tools/faults/points.py).
        `hooked`: whether the variables of tests/tools/faults/hooked.py have an effect."""
        name = f"w{len(self._all_pods) + 1}"
        hooks = {"FAULTS_POINT": point, "FAULTS_FOLDER": str(self.folder), "FAULTS_MUTANT": self.mutant}
        environment = clean_environment({**self.variables, **hooks, **more}, self._names)
        command = HOOKED if hooked or point or self.mutant or "FAULTS_POISON" in more else PRODUCTION
        pod = Pod(name, environment, self.folder, command, self.patience)
        self.pods.append(pod)
        self._all_pods.append(pod)
        return pod

    def arm(self) -> None:
        """Makes the point of a hooked worker count its passages."""
        (self.folder / "armed").touch()

    def wait_fired(self) -> None:
        self.wait((self.folder / "fired").exists, "the hooked worker at its point", 30.0)

    def poison(self, topic: str, partition: int, offset: int) -> None:
        """Makes the mapping of this record kill each worker that has `FAULTS_POISON`."""
        (self.folder / POISON).write_text(f"{topic}/{partition}/{offset}")

    def cure(self) -> None:
        """Ends what `poison` has begun."""
        (self.folder / POISON).unlink()

    def leave(self, pod: Pod) -> None:
        """Ends a worker by SIGTERM; it is not restarted."""
        self.pods.remove(pod)
        pod.stop()

    def abandon(self, pod: Pod) -> None:
        """Leaves a worker alone: nobody restarts it, and nothing is demanded of it."""
        self.pods.remove(pod)
        pod.abandon()

    def wait_ready(self) -> None:
        self.wait(lambda: all(pod.ready() for pod in self.pods), "all workers ready", _READY_SECONDS)

    # -- phases

    def steady(self, workers: int = 2, *, hooked: bool = False, **more: str) -> None:
        """Plays the first phase: it starts so many workers and returns when all are ready."""
        for _ in range(workers):
            self.pod(hooked=hooked, **more)
        self.wait_ready()

    @contextmanager
    def flow(self, rate: int, minimum: int) -> Iterator[None]:
        """Publishes records while the block runs, and then the rest of `minimum` records."""
        with self.load.flowing(rate if self.demands_speed else min(rate, _UNHURRIED_RATE)):
            self.wait_moving()
            yield
        self.load.publish(max(minimum - self.load.published, 0))
        self.load.flush()

    def wait_moving(self) -> None:
        """Returns when something of every topic is committed."""
        self.wait(self._all_moving, "every vendor's first commit", _READY_SECONDS)

    def _all_moving(self) -> bool:
        seen = self.watch.look()
        moving = {topic for (topic, _), at in (seen.committed if seen else {}).items() if at}
        return moving == set(self.sources)

    def work_left(self) -> int:
        """Returns how many records are not committed. It is called before each fault, and fails if there is
        none."""
        return self.wait(self._lag, "work left before the fault", 10.0)

    def _lag(self) -> int:
        seen = self.watch.look()
        return seen.lag() if seen else 0

    def recovered(self, helped: Callable[[], None] = lambda: None) -> float:
        """Returns the seconds until everything that is in the sources now is committed. It is called when the
        fault is over, and fails after a minute. Only `helped` helps; it is called again and again."""
        began = time.monotonic()
        mark = self.wait(self.watch.look, "an answer of the broker", RECOVERY_SECONDS)

        def passed() -> bool:
            helped()
            return self._passed(mark)

        self.wait(passed, "progress after the fault", RECOVERY_SECONDS)
        seconds = time.monotonic() - began
        self.recovery = max(self.recovery, seconds)
        return seconds

    def _passed(self, mark: Offsets) -> bool:
        seen = self.watch.look()
        return seen is not None and seen.passed(mark.ends)

    def wait_at_rest(self) -> None:
        """Returns when everything in the sources is committed."""

        def at_rest() -> bool:
            seen = self.watch.look()
            return seen is not None and seen.passed(seen.ends)

        self.wait(at_rest, "all offsets committed to their ends", _REST_SECONDS)

    def stop_all(self) -> list[str]:
        """Ends every worker by SIGTERM and returns what was wrong with that."""
        problems = []
        for pod in self.pods:
            try:
                pod.stop()
            except CaseFailed as failed:
                problems.append(str(failed))
        return problems

    def finish(self, *, tells_delays: bool = False) -> Outcome:
        """Plays the last phase and returns the result: when all is at rest, the workers end on SIGTERM, and
        everything is counted. `tells_delays`: whether a note says how long records took."""
        self.load.flush()
        self.wait_at_rest()
        self.wait_ready()
        problems = self.stop_all()
        found, expected = seen_and_expected(self.broker, self.settings, self.foreign)
        report = judge(found, expected)
        if tells_delays:
            self.notes.append(told(found.canonical, found.users))
        published = self.load.published + self.foreign.vendor_records
        if report.records != published:
            problems.append(f"{published} records published, {report.records} found")
        exits = Counter(code for pod in self._all_pods for code in pod.exits)
        return Outcome(
            case=self.name,
            report=report,
            stall=self.watch.stall,
            recovery=self.recovery,
            reach=self._reach(report),
            exits=dict(exits),
            seconds=time.monotonic() - self._began,
            problems=[*problems, *report.failures()],
            notes=[*self.notes, *(f"{pod.name}: {why}" for pod in self._all_pods for why in pod.reasons())],
        )

    def _reach(self, report: Report) -> float:
        ends = sorted(moment for pod in self._all_pods for moment in pod.ended)
        reach = 0.0
        for written in (each / 1000 for each in report.repeated):
            after = bisect(ends, written)
            if after < len(ends):
                reach = max(reach, ends[after] - written)
        return reach

    def wait(self, condition: Callable[[], T | None], what: str, seconds: float) -> T:
        """Returns the first true value of the condition. Raises CaseFailed if a wait of so many seconds is
        over by the stage's patience."""
        over = self.patience.begin(seconds)
        while not (result := condition()):
            if why := over():
                raise CaseFailed(f"{why}: {what}")
            time.sleep(_POLL_SECONDS)
        return result
