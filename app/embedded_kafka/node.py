"""One broker process, seen from the process that owns it."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from app.embedded_kafka import guard
from app.embedded_kafka.errors import EmbeddedKafkaError
from app.embedded_kafka.jars import Runtime
from app.embedded_kafka.properties import Ports

_FORMAT_SECONDS = 60.0
# The heap and the two flags are what makes a node start in under 2 s and stay near 350 MB.
_JVM_FLAGS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOG_FLAGS = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class Node:
    """A node number, its folder, its ports, and, while it runs, its process.

    The folder outlives the process: a node that was killed comes back with its data.
    """

    def __init__(self, number: int, runtime: Runtime, folder: Path, ports: Ports) -> None:
        self.number = number
        self.ports = ports
        self.folder = folder
        self.log = folder / "broker.log"
        self._properties = folder / "server.properties"
        self._java = [
            str(runtime.java),
            *_JVM_FLAGS,
            *_LOG_FLAGS,
            "-cp",
            os.pathsep.join(map(str, runtime.jars)),
        ]
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def format(self, cluster_id: str, properties: str) -> None:
        """Write the settings and prepare the data folder, once in the node's life."""
        self.folder.mkdir(parents=True)
        self._properties.write_text(properties, encoding="utf-8")
        tool = [*self._java, "kafka.tools.StorageTool", "format"]
        arguments = ["-t", cluster_id, "-c", str(self._properties)]
        with self.log.open("ab") as log:
            try:
                done = subprocess.run(  # noqa: S603
                    [*tool, *arguments],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    timeout=_FORMAT_SECONDS,
                    check=False,
                )
            except (OSError, subprocess.TimeoutExpired) as error:
                raise EmbeddedKafkaError(f"Kafka's storage tool did not run: {error}", self.log) from error
        if done.returncode != 0:
            raise EmbeddedKafkaError(f"Kafka's storage tool failed (exit {done.returncode})", self.log)

    def launch(self) -> None:
        """Start the process; it does not serve yet."""
        if self.running:
            raise EmbeddedKafkaError(f"node {self.number} is running already")
        command = [sys.executable, "-I", guard.__file__, str(os.getpid()), str(self.folder)]
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603
                [*command, *self._java, "kafka.Kafka", str(self._properties)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # Ctrl-C in a terminal reaches us alone: we decide when the broker goes.
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        answer = self._guard.stdout.readline().strip()
        if not answer:
            self._reap(timeout=10.0)
            raise EmbeddedKafkaError(f"the process of node {self.number} could not be started", self.log)
        self._pid = int(answer)

    @property
    def running(self) -> bool:
        """Whether the process is there (it may be paused)."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the broker's JVM. Raises EmbeddedKafkaError if the node does not run."""
        if not self.running:
            raise EmbeddedKafkaError(f"node {self.number} is not running")
        return self._pid

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the broker's JVM."""
        os.kill(self.pid, number)

    def wait_gone(self, timeout: float) -> bool:
        """Wait up to `timeout` seconds for the process to end; whether it has."""
        if self._guard is None:
            return True
        try:
            self._guard.wait(timeout)
        except subprocess.TimeoutExpired:
            return False
        self._reap(timeout)
        return True

    def _reap(self, timeout: float) -> None:
        assert self._guard is not None
        for pipe in (self._guard.stdin, self._guard.stdout):
            if pipe is not None:
                pipe.close()
        self._guard.wait(timeout)
        self._guard = None
