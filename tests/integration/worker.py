"""Workers as an operator runs them, `python -m app worker`, on topics and in a group of a test's own."""

import http.client
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client.parser import text_string_to_metric_families

from app.embedded_kafka.properties import free_ports
from app.settings import Settings, load, variables
from app.vendors import VENDORS
from tests.kafka import committed, create_topics, end_offsets
from tests.waiting import GIVE_UP_SECONDS, wait_until

ROOT = Path(__file__).parents[2]
# Recorded bodies carry record timestamps of any year; a broker's default refuses those of the future.
ANY_TIMESTAMP = {"message_timestamp_after_max_ms": str(2**63 - 1)}

Series = Mapping[tuple[str, ...], float]
"""Values of one metric by its label values, in the order in which they were asked for."""


class Site:
    """The environment, topics and group of one test, and the workers that it starts."""

    def __init__(
        self, broker: str, unique: Callable[[str], str], folder: Path, **variables_of_test: str
    ) -> None:
        names = {f"TOPIC_{vendor.upper()}": unique(f"vendor.{vendor}") for vendor in VENDORS}
        self.variables = {
            "BROKER_URL": broker,
            "APP_ID": unique("rollcall"),
            "TOPIC_EVENTS": unique("events"),
            "TOPIC_DEAD_LETTER": unique("dead-letter"),
            "TOPICS_CREATE": "true",
            "PARTITIONS_VENDOR": "3",
            "PARTITIONS_EVENTS": "3",
            # On a busy machine it takes longer to drain than the 8 s that pods get.
            "STOP_DEADLINE": "60",
            **names,
            **variables_of_test,
        }
        self.broker = broker
        self._folder = folder
        self._started = 0

    @property
    def settings(self) -> Settings:
        return load(self.variables)

    def sources(self) -> dict[str, str]:
        """Every topic that a worker reads and commits: by vendor, and the canonical one."""
        settings = self.settings
        return {vendor: settings.topic_of(vendor) for vendor in VENDORS} | {
            "canonical": settings.topic_events
        }

    def create_vendor_topics(self, **configs: str) -> None:
        """As a producer's side would have made them before the worker came; it creates the others."""
        settings = self.settings
        topics = {settings.topic_of(vendor): settings.partitions_vendor for vendor in VENDORS}
        create_topics(self.broker, topics, **ANY_TIMESTAMP, **configs)

    def environment(self, **more: str) -> dict[str, str]:
        """Nothing of ours that the test session happens to run with is handed on."""
        ours = {variable.name for variable in variables()}
        rest = {name: value for name, value in os.environ.items() if name not in ours}
        return {**rest, **self.variables, **more}

    def worker(self, module: Sequence[str] = ("app", "worker"), **more: str) -> "WorkerProcess":
        """A started worker; use it as a context manager. `module`: of which it is made, and its arguments."""
        port = int(more.setdefault("HTTP_PORT", str(free_ports(1)[0])))
        self._started += 1
        return WorkerProcess(
            module, self.environment(**more), port, self._folder / f"worker-{self._started}.err"
        )

    def refused(self, **more: str) -> str:
        """The one line with which a worker refuses to start."""
        with self.worker(**more) as worker:
            code, said = worker.exit_code(), worker.stderr()
        assert code == 1, f"exit code {code}"
        lines = said.splitlines()
        assert lines, "nothing on stderr"
        assert lines[-1].startswith("rollcall: ")
        assert all("[info " in line for line in lines[:-1]), "more than one line, or a traceback"
        return lines[-1].removeprefix("rollcall: ")

    def lag(self) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
        """Committed and end offsets of every source topic where the two differ."""
        settings, found = self.settings, {}
        for topic in self.sources().values():
            ends = {part: end for part, end in end_offsets(self.broker, topic).items() if end}
            offsets = {part: at for part, at in committed(self.broker, settings.app_id, topic).items() if at}
            if offsets != ends:
                found[topic] = (offsets, ends)
        return found

    def wait_at_rest(self) -> None:
        """Until everything is committed to its end. The vendor topics come first in `lag`, so that no
        event can come out of them after its look at the canonical topic."""
        wait_until(lambda: not self.lag(), "all offsets committed to their ends")


class WorkerProcess:
    """A running worker; on leaving the context it is killed if the test has not ended it."""

    def __init__(
        self, module: Sequence[str], environment: Mapping[str, str], port: int, stderr: Path
    ) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self._stderr = stderr
        with stderr.open("wb") as said:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *module],
                env=dict(environment),
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=said,
                stderr=said,
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self.kill()
        if kind is not None:
            print(self.stderr()[-8000:])

    @property
    def pid(self) -> int:
        return self._process.pid

    def stderr(self) -> str:
        """Everything on standard error, and on standard output, where nothing belongs."""
        return self._stderr.read_text("utf-8")

    def get(self, path: str) -> tuple[int, str]:
        """Status and text of an answer; 0 while nobody listens."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            try:
                connection.request("GET", path)
                with connection.getresponse() as response:
                    return response.status, response.read().decode()
            except OSError:
                return 0, ""

    def wait_ready(self) -> Self:
        def ready() -> bool:
            assert self._process.poll() is None, f"the worker ended with {self._process.returncode}"
            return self.get("/readyz")[0] == 200

        wait_until(ready, "the worker is ready")
        return self

    def metric(self, name: str, *labels: str) -> Series:
        """All series of a metric that counted anything, by the values of these labels."""
        status, text = self.get("/metrics")
        assert status == 200
        found: Counter[tuple[str, ...]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.value:
                    found[tuple(sample.labels[label] for label in labels)] += sample.value  # type: ignore[assignment]
        return found

    def count(self, name: str) -> float:
        """A metric summed over all its series."""
        return sum(self.metric(name).values())

    def stop(self) -> None:
        """SIGTERM; the worker must end with code 0, which it does only if it has drained in time."""
        self.signal(signal.SIGTERM)
        assert self.exit_code() == 0

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.exit_code()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def exit_code(self) -> int:
        return self._process.wait(GIVE_UP_SECONDS)


def added(*series: Series) -> Series:
    """The sums over several workers."""
    found: Counter[tuple[str, ...]] = Counter()
    for each in series:
        found.update(each)
    return found
