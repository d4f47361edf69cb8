"""Worker processes as in production, each restarted by whoever watches over it, as a pod is."""

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

from app.embedded_kafka.properties import free_ports
from tests.faults.failed import CaseFailed
from tests.faults.patience import Patience

ROOT = Path(__file__).parents[2]
PRODUCTION = ("-m", "app", "worker")
HOOKED = ("-m", "tests.faults.hooked", "worker")
# A worker that ends at once again and again must not take the machine from the others.
_RESTART_SECONDS = 0.3
_STOP_SECONDS = 20.0
_POLL_SECONDS = 0.05
_LOG_TAIL = 4_000
_PROTECTING = re.compile(r"stopping to protect data: (.*?)(?: +\[app\.lane.*)?$", re.MULTILINE)


class Pod:
    """One worker and its supervisor. Whatever ends the process, a new one is started, until `stop` or
    `remove` is called."""

    def __init__(
        self,
        name: str,
        environment: Mapping[str, str],
        folder: Path,
        command: Sequence[str],
        patience: Patience,
    ) -> None:
        """`patience`: with its end, when it is asked to end."""
        self.name = name
        self._patience = patience
        self.exits: list[int] = []
        """How the process ended each time that nobody had asked it to stop; negative for a signal."""
        self.ended: list[float] = []
        """When that was, in seconds since 1970."""
        self._port = free_ports(1)[0]
        self._environment = {**environment, "HTTP_PORT": str(self._port)}
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
        """To the process of this moment; one that has just ended hears nothing."""
        with self._changed:
            if self._process.poll() is None:
                self._process.send_signal(number)

    def kill(self) -> None:
        """SIGKILL; returns when the process is gone. The supervisor starts another."""
        with self._changed:
            process = self._process
            process.kill()
        self._wait(process)

    def terminate(self) -> None:
        """SIGTERM to a process whose successor is started at once, as in a rolling update; waits for its
        end. Raises CaseFailed where it does not end with 0."""
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
        """SIGTERM, for good. Raises CaseFailed where the worker does not end with 0."""
        self._leaving.set()
        self.signal(signal.SIGTERM)
        code = self._wait(self._process)
        if code != 0:
            raise CaseFailed(f"worker {self.name} ended with {code} on SIGTERM")

    def abandon(self) -> None:
        """Whatever becomes of the process, no other is started."""
        self._leaving.set()

    def remove(self) -> None:
        """SIGKILL, for good. Idempotent."""
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
        """Of the process of this moment, or of the one that has just ended."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process.poll() is None

    def ready(self) -> bool:
        """What the probe of a pod asks."""
        status, _ = self._readyz()
        return status == 200

    def holds(self, vendor: str) -> bool:
        """Whether it is not ready because it holds this vendor."""
        _, why = self._readyz()
        return f"{vendor} is held".encode() in why

    def resume(self, vendor: str) -> None:
        """`rollcall resume`, as an operator types it; a worker that has just gone answers nothing."""
        subprocess.run(
            [sys.executable, "-m", "app", "resume", vendor, "--url", f"http://127.0.0.1:{self._port}"],
            cwd=ROOT,
            capture_output=True,
            check=False,
        )

    def _readyz(self) -> tuple[int, bytes]:
        with closing(http.client.HTTPConnection("127.0.0.1", self._port, timeout=2)) as connection:
            try:
                connection.request("GET", "/readyz")
                answer = connection.getresponse()
                return answer.status, answer.read()
            except (OSError, http.client.HTTPException):
                return 0, b""

    def reasons(self) -> list[str]:
        """Why it ended itself with code 70, each time: the one line that it leaves."""
        return _PROTECTING.findall(self._log.read_text("utf-8", errors="replace"))

    def log_tail(self) -> str:
        """Never holds a payload: workers do not log any."""
        return self._log.read_text("utf-8", errors="replace")[-_LOG_TAIL:]


def clean_environment(ours: Mapping[str, str], names: frozenset[str]) -> dict[str, str]:
    """The environment of a worker: none of our settings (`names`) but those given."""
    rest = {name: value for name, value in os.environ.items() if name not in names}
    return {**rest, **ours}
