"""What a case plays on: topics and a group of its own, workers, a load, and the demands on all of them."""

import sys
import tempfile
import time
import uuid
from bisect import bisect
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType
from typing import Self, TypeVar

from msgspec import Struct

from app.settings import Settings, load, variables
from app.vendors import VENDORS
from tests.faults.failed import CaseFailed
from tests.faults.load import Load
from tests.faults.patience import Clock, Patience, Progress
from tests.faults.pods import HOOKED, PRODUCTION, Pod, clean_environment
from tests.faults.reading import verify
from tests.faults.verifier import Report
from tests.faults.watch import Offsets, Watch
from tests.faults.yardstick import Yardstick
from tests.kafka import create_topics

T = TypeVar("T")

RECOVERY_SECONDS = 60.0
"""How long after the end of a fault everything that waited may take to be committed."""
_READY_SECONDS = 60.0
_REST_SECONDS = 120.0
_POLL_SECONDS = 0.05


class Outcome(Struct):
    """What a case came to. Times in seconds."""

    case: str
    report: Report
    stall: float
    recovery: float
    """The longest that anything took from the end of a fault until all that had waited was committed."""
    reach: float
    """How long before the end of a worker the oldest event was written that its successor wrote again."""
    exits: dict[int, int]
    """How often a worker's process ended with which code; negative: by that signal."""
    seconds: float
    problems: list[str]
    notes: list[str]

    @property
    def green(self) -> bool:
        return not self.problems


class Stage:
    """Use it as a context manager; every process that it started is gone afterwards."""

    def __init__(
        self,
        broker: str,
        *,
        name: str = "case",
        users: int = 2_000,
        workers_via: str | None = None,
        mutant: str = "",
        beside: Yardstick | None = None,
        **more: str,
    ) -> None:
        """`workers_via`: the address by which workers reach the broker, where it is another one. `mutant`:
        which safeguard they lack (tests/faults/mutations.py). `beside`: a loop on the same broker that waits
        are measured by, in place of the clock. `more`: settings of the workers."""
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
            # The shortest that brokers allow by default.
            "SESSION_TIMEOUT": "6",
            # The bodies' users were deleted years ago; their markers have to stay.
            "GRACE_PERIOD": "1000000000",
            # If no clock counts, none may end a worker that takes its time to drain.
            **({"STOP_DEADLINE": "600"} if beside else {}),
            **{f"TOPIC_{vendor.upper()}": f"vendor.{vendor}-{suffix}" for vendor in VENDORS},
            **more,
        }
        self.settings: Settings = load(self.variables)
        self.pods: list[Pod] = []
        self.notes: list[str] = []
        self.recovery = 0.0
        self.patience: Patience = Clock()
        self._beside = beside
        self._began = time.monotonic()
        self._users = users
        self._all_pods: list[Pod] = []
        self._names = frozenset(variable.name for variable in variables())

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="rollcall-faults-")
        self.folder = Path(self._folder.name)
        create_topics(self.broker, {self.settings.topic_of(vendor): 3 for vendor in VENDORS})
        self.load = Load(self.broker, self.settings, users=self._users)
        self.watch = Watch(self.broker, self.settings.app_id, self.sources)
        if self._beside:
            self.patience = Progress(lambda: self.watch.commits, self._beside.beats)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for pod in self._all_pods:
            pod.remove()
        self.watch.close()
        if kind is not None:
            for pod in self._all_pods:
                print(f"-- the end of worker {pod.name}'s log\n{pod.log_tail()}", file=sys.stderr)
        self._folder.cleanup()

    @property
    def sources(self) -> list[str]:
        """Every topic that the workers read and commit."""
        return [*(self.settings.topic_of(vendor) for vendor in VENDORS), self.settings.topic_events]

    # -- workers

    def pod(self, *, point: str = "", **more: str) -> Pod:
        """Another worker, started; with `point` one that ends there (tests/faults/points.py)."""
        name = f"w{len(self._all_pods) + 1}"
        hooks = {"FAULTS_POINT": point, "FAULTS_FOLDER": str(self.folder), "FAULTS_MUTANT": self.mutant}
        environment = clean_environment({**self.variables, **hooks, **more}, self._names)
        command = HOOKED if point or self.mutant else PRODUCTION
        pod = Pod(name, environment, self.folder, command, self.patience)
        self.pods.append(pod)
        self._all_pods.append(pod)
        return pod

    def arm(self) -> None:
        """From now on the point of a hooked worker counts its passages."""
        (self.folder / "armed").touch()

    def wait_fired(self) -> None:
        self.wait((self.folder / "fired").exists, "the hooked worker at its point", 30.0)

    def leave(self, pod: Pod) -> None:
        """The worker ends by SIGTERM and does not come back."""
        self.pods.remove(pod)
        pod.stop()

    def abandon(self, pod: Pod) -> None:
        """The worker is on its own: nobody restarts it, and nothing is demanded of it."""
        self.pods.remove(pod)
        pod.abandon()

    def wait_ready(self) -> None:
        self.wait(lambda: all(pod.ready() for pod in self.pods), "all workers ready", _READY_SECONDS)

    # -- phases

    def steady(self, workers: int = 2, **more: str) -> None:
        """The first phase: so many workers, all ready."""
        for _ in range(workers):
            self.pod(**more)
        self.wait_ready()

    @contextmanager
    def flow(self, rate: int, minimum: int) -> Iterator[None]:
        """Load beside the block, from before its beginning until its end, and `minimum` records in all."""
        with self.load.flowing(rate):
            self.wait(self._all_moving, "every vendor's first commit", _READY_SECONDS)
            yield
        self.load.publish(max(minimum - self.load.published, 0))
        self.load.flush()

    def _all_moving(self) -> bool:
        seen = self.watch.look()
        moving = {topic for (topic, _), at in (seen.committed if seen else {}).items() if at}
        return moving == set(self.sources)

    def work_left(self) -> int:
        """To be called before each kill: how many records lie behind the committed offsets, above 0."""
        return self.wait(self._lag, "work left before the fault", 10.0)

    def _lag(self) -> int:
        seen = self.watch.look()
        return seen.lag() if seen else 0

    def recovered(self, helped: Callable[[], None] = lambda: None) -> float:
        """The fault is over: everything that is in the sources now has to be committed within a minute,
        and nobody helps but `helped`, again and again. Returns the seconds that it took."""
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
        def at_rest() -> bool:
            seen = self.watch.look()
            return seen is not None and seen.passed(seen.ends)

        self.wait(at_rest, "all offsets committed to their ends", _REST_SECONDS)

    def stop_all(self) -> list[str]:
        """Every worker ends by SIGTERM, for good. Returns what was wrong with it."""
        problems = []
        for pod in self.pods:
            try:
                pod.stop()
            except CaseFailed as failed:
                problems.append(str(failed))
        return problems

    def finish(self) -> Outcome:
        """The last phase: at rest, all workers end on SIGTERM, and everything is counted again."""
        self.load.flush()
        self.wait_at_rest()
        self.wait_ready()
        problems = self.stop_all()
        report = verify(self.broker, self.settings)
        if report.records != self.load.published:
            problems.append(f"{self.load.published} records published, {report.records} found")
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
        """Polls until the condition is true, and returns that. Raises CaseFailed when the stage's patience
        with a wait of so many seconds is over."""
        over = self.patience.begin(seconds)
        while not (result := condition()):
            if why := over():
                raise CaseFailed(f"{why}: {what}")
            time.sleep(_POLL_SECONDS)
        return result
