"""Real workers, `python -m app worker`, with topics and a group that only one test uses."""

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
from app.environment import load, variables
from app.settings import Settings
from app.vendors import VENDORS
from tests.kafka import committed_and_ends, create_topics
from tests.prefork import ROOT, run_to_end, start_in_background
from tests.waiting import GIVE_UP_SECONDS, wait_until

# The fixtures have timestamps of any year, and a broker's default refuses those of the future.
ANY_TIMESTAMP = {"message_timestamp_after_max_ms": str(2**63 - 1)}

NOT_EXPELLED = {"SESSION_TIMEOUT": "60"}
"""For a site whose workers leave their group when they end: no machine that stands still for some seconds
makes the group expel one, which would repeat events and end the worker."""

Series = Mapping[tuple[str, ...], float]
"""Values of one metric by the values of its labels, which have the order of the request."""


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
            "BROKER_WAIT": str(GIVE_UP_SECONDS),
            "PARTITIONS_VENDOR": "3",
            "PARTITIONS_EVENTS": "3",
            # On a busy machine a worker needs more than the default of 8 s to finish its work.
            "STOP_DEADLINE": "60",
            # 30 years. The bodies are of 2024, and a worker that runs for a minute removes the rows of users
            # whose grace period has ended, so with the default a slow test would find fewer rows.
            "GRACE_PERIOD": "1e9",
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
        """Returns every topic that a worker reads and commits: one for each of its vendors, and the canonical
        one."""
        settings = self.settings
        return {vendor: settings.topic_of(vendor) for vendor in settings.vendor_names} | {
            "canonical": settings.topic_events
        }

    def create_vendor_topics(self, **configs: str) -> None:
        """Creates the vendor topics, as producers do before the first worker starts, which creates the
        others."""
        settings = self.settings
        topics = {settings.topic_of(vendor): settings.partitions_vendor for vendor in settings.vendor_names}
        create_topics(self.broker, topics, **ANY_TIMESTAMP, **configs)

    def environment(self, **more: str) -> dict[str, str]:
        """Returns the environment of a worker. Settings of Rollcall in that of the tests are not passed
        on."""
        ours = {variable.name for variable in variables()}
        rest = {name: value for name, value in os.environ.items() if name not in ours}
        return {**rest, **self.variables, **more}

    def worker(self, module: Sequence[str] = ("app", "worker"), **more: str) -> "WorkerProcess":
        """Returns a started worker; use it as a context manager. `module`: the module to run, and its
        arguments."""
        port = int(more.setdefault("HTTP_PORT", str(free_ports(1)[0])))
        self._started += 1
        return WorkerProcess(
            module, self.environment(**more), port, self._folder / f"worker-{self._started}.err"
        )

    def refused(self, **more: str) -> str:
        """Returns the one line with which a worker refuses to start."""
        with self.worker(**more) as worker:
            code, said = worker.exit_code(), worker.stderr()
        assert code == 1, f"exit code {code}"
        lines = said.splitlines()
        assert lines, "nothing on stderr"
        assert lines[-1].startswith("rollcall: ")
        assert all("[info " in line for line in lines[:-1]), "more than one line, or a traceback"
        return lines[-1].removeprefix("rollcall: ")

    def resume(self, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs `rollcall resume` with these arguments, for the worker at `url`."""
        return self.run("resume", *arguments, "--url", url)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Runs a command of Rollcall with these arguments."""
        done = run_to_end(["app", *arguments], self.environment())
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    def start(self, *arguments: str, **more: str) -> "subprocess.Popen[bytes]":
        """Starts a command of Rollcall, with a pipe for its standard error. Nobody reads its standard
        output."""
        return subprocess.Popen(
            [sys.executable, "-m", "app", *arguments],
            env=self.environment(**more),
            cwd=ROOT,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )

    def lag(self) -> dict[str, tuple[dict[int, int], dict[int, int]]]:
        """Returns the committed offsets and the end offsets of every source topic in which they differ.

        All commits are read before all ends. So if none differ, everything was committed when the commits
        were read, also the events of the vendors' records.
        """
        settings, found = self.settings, {}
        topics = list(self.sources().values())
        commits, ends = committed_and_ends(self.broker, settings.app_id, topics)
        for topic in topics:
            ended = {part: end for part, end in ends[topic].items() if end}
            offsets = {part: at for part, at in commits[topic].items() if at}
            if offsets != ended:
                found[topic] = (offsets, ended)
        return found

    def wait_at_rest(self) -> None:
        """Returns when everything is committed."""
        wait_until(lambda: not self.lag(), "all offsets committed to their ends")


class WorkerProcess:
    """A running worker. If the test has not ended it, the end of its context kills it."""

    def __init__(
        self, module: Sequence[str], environment: Mapping[str, str], port: int, stderr: Path
    ) -> None:
        self._port = port
        self.url = f"http://127.0.0.1:{port}"
        self._stderr = stderr
        self._process = start_in_background(module, environment, stderr)

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
        """Returns everything on standard error, and on standard output, to which a worker writes nothing."""
        return self._stderr.read_text("utf-8")

    def get(self, path: str) -> tuple[int, str]:
        """Returns status and text of an answer; the status is 0 while nothing listens there, and if the
        worker ends in the middle of it."""
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=30)) as connection:
            try:
                connection.request("GET", path)
                with connection.getresponse() as response:
                    return response.status, response.read().decode()
            except (OSError, http.client.HTTPException):
                return 0, ""

    def wait_ready(self) -> Self:
        def ready() -> bool:
            assert self._process.poll() is None, f"the worker ended with {self._process.poll()}"
            return self.get("/readyz")[0] == 200

        wait_until(ready, "the worker is ready")
        return self

    def metric(self, name: str, *labels: str) -> Series:
        """Returns all series of a metric whose value is not 0, by the values of these labels."""
        text = wait_until(self._metrics, "an answer to /metrics")
        # To parse all metrics takes some milliseconds, and tests ask again and again.
        text = "".join(line for line in text.splitlines(keepends=True) if line.startswith(name))
        found: Counter[tuple[str, ...]] = Counter()
        for family in text_string_to_metric_families(text):
            for sample in family.samples:
                if sample.name == name and sample.value:
                    found[tuple(sample.labels[label] for label in labels)] += sample.value  # type: ignore[assignment]
        return found

    def _metrics(self) -> str:
        """Returns the text of all metrics, or "" if a busy worker has not answered in time."""
        assert self._process.poll() is None, f"the worker ended with {self._process.poll()}"
        status, text = self.get("/metrics")
        return text if status == 200 else ""

    def count(self, name: str) -> float:
        """Returns the sum of all series of a metric."""
        return sum(self.metric(name).values())

    def stop(self) -> None:
        """Sends SIGTERM; the worker must end with code 0, which means that it has finished its work in
        time."""
        self.signal(signal.SIGTERM)
        assert self.exit_code() == 0

    def kill(self) -> None:
        self.signal(signal.SIGKILL)
        self.exit_code()

    def signal(self, number: signal.Signals) -> None:
        self._process.send_signal(number)

    def wait(self) -> int:
        """Returns the exit code when the process ends, whenever that is."""
        return self._process.wait()

    def exit_code(self) -> int:
        return self._process.wait(GIVE_UP_SECONDS)


def added(*series: Series) -> Series:
    """Returns the sums over several workers."""
    found: Counter[tuple[str, ...]] = Counter()
    for each in series:
        found.update(each)
    return found
