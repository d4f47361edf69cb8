"""Worker processes as in production. Each is restarted when it ends, as a pod is."""

import http.client
import os
import re
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import NamedTuple

from app.embedded_kafka.properties import free_ports
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.patience import Patience

ROOT = Path(__file__).parents[3]
PRODUCTION = ("-m", "app", "worker")
HOOKED = ("-m", "tests.tools.faults.hooked", "worker")
POISON = "poison"
"""The file in the folder of a case that names the record of which workers die."""
POISONED_EVERY = 100
"""The offset of that record must be a multiple of this."""
# The time before a restart. A worker that always ends at once must not take the machine from the others.
_RESTART_SECONDS = 0.3
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
_LOG_TAIL = 20_000
_PROTECTING = re.compile(r"stopping to protect data: (.*?)(?: +\[app\.engine.*)?$", re.MULTILINE)

_RESTORED = re.compile(r"restored \d+ partitions: (\d+) changelog records in ([\d.]+) s")


class Reading(NamedTuple):
    """One restore of a worker: the changelog records that it read, and how long that took."""

    records: int
    seconds: float


class Pod:
    """One worker and its supervisor, which starts a new process if the process ends, until `stop` or `remove`
    is called."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        folder: Path,
        command: Sequence[str],
        patience: Patience,
    ) -> None:
        """`patience` bounds the wait for the worker's end when it is told to end."""
        self.name = name
        self._patience = patience
        self.exits: list[int] = []
        """The exit codes of all ends that nobody had asked for; a negative one is a signal."""
        self.ended: list[float] = []
        """When those ends were, in seconds since 1970."""
        self.port = free_ports(1)[0]
        """That of the worker's HTTP server, for all its processes."""
        self._environment = {**environment, "HTTP_PORT": str(self.port)}
        self._command = [sys.executable, *command]
        self._log = folder / f"{name}.log"
        self._leaving = threading.Event()
        self._changed = threading.Lock()
        self._process = self._spawn()
        self._supervisor = threading.Thread(target=self._supervise, daemon=True)
        self._supervisor.start()

    def _spawn(self) -> "subprocess.Popen[bytes]":
        with self._log.open("ab") as log:
            return subprocess.Popen(
                self._command,
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
            )

    def _supervise(self) -> None:
        while True:
            code = self._process.wait()
            if self._leaving.is_set():
                return
            self.ended.append(time.time())
            self.exits.append(code)
            self._leaving.wait(_RESTART_SECONDS)
            with self._changed:
                if self._leaving.is_set():
                    return
                self._process = self._spawn()

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the present process. If that has just ended, nothing is sent."""
        with self._changed:
            if self._process.poll() is None:
                self._process.send_signal(number)

    def kill(self) -> None:
        """Sends SIGKILL and returns when the process is gone. The supervisor starts another one."""
        with self._changed:
            process = self._process
            process.kill()
        self._wait(process)

    def terminate(self) -> None:
        """Sends SIGTERM and waits for the end of the process. Another one is started at once, as in a rolling
        update. Raises CaseFailed if the exit code is not 0."""
        before = len(self.exits)
        process = self._process
        process.send_signal(signal.SIGTERM)
        code = self._wait(process)
        if code != 0:
            raise CaseFailed(f"worker {self.name} ended with {code} on SIGTERM")
        while len(self.exits) == before:
            self._leaving.wait(0.01)
        self.exits.pop()
        self.ended.pop()

    def stop(self) -> None:
        """Sends SIGTERM, and no other process is started. Raises CaseFailed if the exit code is not 0."""
        self._leaving.set()
        self.signal(signal.SIGTERM)
        code = self._wait(self._process)
        if code != 0:
            raise CaseFailed(f"worker {self.name} ended with {code} on SIGTERM")

    def abandon(self) -> None:
        """Leaves the process alone. If it ends, no other one is started."""
        self._leaving.set()

    def remove(self) -> None:
        """Sends SIGKILL, and no other process is started. A second call does nothing."""
        self._leaving.set()
        with self._changed:
            if self._process.poll() is None:
                self._process.kill()
        self._supervisor.join()

    def _wait(self, process: "subprocess.Popen[bytes]") -> int:
        over = self._patience.begin(_STOP_SECONDS)
        while True:
            try:
                return process.wait(_POLL_SECONDS)
            except subprocess.TimeoutExpired:
                if why := over():
                    raise CaseFailed(f"{why}: the end of worker {self.name}") from None

    @property
    def pid(self) -> int:
        """The id of the present process, or of the one that has just ended."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> bool:
        """Returns what a pod's probe asks: whether the worker is ready."""
        status, _ = self._readyz()
        return status == 200

    def pauses(self, vendor: str) -> bool:
        """Returns whether the worker is not ready because this vendor is paused."""
        _, why = self._readyz()
        return f"{vendor} is paused".encode() in why

    def resume(self, vendor: str) -> None:
        """Runs `rollcall resume` as an operator does. A worker that has just ended does not answer."""
        subprocess.run(
            [sys.executable, "-m", "app", "resume", vendor, "--url", f"http://127.0.0.1:{self.port}"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )

    def problems(self) -> str:
        """Returns why the worker is not ready, as it says it; "" if it is ready or does not answer."""
        status, why = self._readyz()
        return "" if status == 200 else why.decode(errors="replace").strip()

    def metrics(self) -> str:
        """Returns what Prometheus scrapes; "" if the worker does not answer."""
        status, text = self._get("/metrics")
        return text.decode() if status == 200 else ""

    def _readyz(self) -> tuple[int, bytes]:
        return self._get("/readyz")

    def _get(self, path: str) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self.port, timeout=2)) as connection:
            try:
                connection.request("GET", path)
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                return 0, b""

    def reasons(self) -> list[str]:
        """Returns the line with which the worker ended itself with code 70, for each time."""
        return _PROTECTING.findall(self._log.read_text("utf-8", errors="replace"))

    def readings(self) -> list[Reading]:
        """Returns all restores of this worker's processes so far that are done."""
        return readings_in(self._log.read_text("utf-8", errors="replace"))

    def log_tail(self) -> str:
        """Returns the end of the log. It has no payload, because workers log none."""
        return self._log.read_text("utf-8", errors="replace")[-_LOG_TAIL:]


def readings_in(log: str) -> list[Reading]:
    """Returns the restores of which the log of a worker tells."""
    return [Reading(int(records), float(seconds)) for records, seconds in _RESTORED.findall(log)]


def clean_environment(ours: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    """Returns the environment of a worker. Of Rollcall's settings (`names`) it has only those in `ours`."""
    rest = {name: value for name, value in os.environ.items() if name not in names}
    return {**rest, **ours}
