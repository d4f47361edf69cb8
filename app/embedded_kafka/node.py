"""One node of the cluster: its folder, its settings and its process."""

import os
import signal
import subprocess
import sys
from pathlib import Path

from app.embedded_kafka import guard
from app.embedded_kafka.failure import EmbeddedKafkaError
from app.embedded_kafka.jars import Runtime
from app.embedded_kafka.properties import Ports

# A second on an idle machine, and a minute on a very busy one.
_FORMAT_SECONDS = 240.0
# With this heap and these two flags a node starts in under 2 s and needs about 350 MB.
_JVM_FLAGS = ("-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
_LOG_FLAGS = ("-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-Dorg.slf4j.simpleLogger.showDateTime=true")


class Node:
    """A node: its number, its folder, its ports and, while it runs, its process.

    The folder stays when the process ends, so a node that was killed can be started again with its data.
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
            # Java would write several lines about an archive that does not fit, and start without it.
            *(() if runtime.archive is None else (f"-XX:AOTCache={runtime.archive}", "-Xlog:aot*=off")),
            "-cp",
            os.pathsep.join(map(str, runtime.jars)),
        ]
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0

    def format(self, cluster_id: str, properties: str) -> None:
        """Writes the settings and prepares the data folder. Call it once, before the first start."""
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

    def launch(self, *jvm_flags: str) -> None:
        """Starts the process, with `jvm_flags` besides its own. The broker does not serve yet when this
        returns."""
        if self.running:
            raise EmbeddedKafkaError(f"node {self.number} is running already")
        if self._guard is not None:  # the process has ended by itself
            self._reap(timeout=10.0)
        command = [sys.executable, "-I", guard.__file__, str(os.getpid()), str(self.folder)]
        java, *arguments = self._java
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603
                [*command, java, *jvm_flags, *arguments, "kafka.Kafka", str(self._properties)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                # So Ctrl-C in a terminal is not sent to the broker, but only to our process, which stops it.
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
        """Whether the process exists; it may be paused."""
        return self._guard is not None and self._guard.poll() is None

    @property
    def pid(self) -> int:
        """The process id of the broker's JVM. Raises EmbeddedKafkaError if the node does not run."""
        if not self.running:
            raise EmbeddedKafkaError(f"node {self.number} is not running")
        return self._pid

    def signal(self, number: signal.Signals) -> None:
        """Sends a signal to the broker's JVM. Raises EmbeddedKafkaError if the node does not run."""
        os.kill(self.pid, number)

    def wait_gone(self, timeout: float) -> bool:
        """Waits up to `timeout` seconds for the end of the process. Returns whether it has ended."""
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
