"""One real worker, `python -m app worker`, as a process that never outlives the demo."""

import contextlib
import http.client
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

import app
from app.cli.failed import Failed
from app.demo.waiting import POLL_SECONDS, Deadline
from app.embedded_kafka import guard

# The worker's own deadline after SIGTERM is 8 s, and its promise 10.
_STOP_SECONDS = 15.0
_HTTP_SECONDS = 5.0
# Where `app` is imported from, whatever the demo's working directory holds.
_HOME = Path(app.__file__).resolve().parents[1]


class WorkerProcess:
    """Starts at once; `stop` ends it for certain."""

    def __init__(self, environment: Mapping[str, str], port: int) -> None:
        self._port = port
        self._folder = Path(tempfile.mkdtemp(prefix="rollcall-demo-")) / "worker"
        self._folder.mkdir()
        self.log = self._folder / "worker.log"
        self._guard: subprocess.Popen[bytes] | None = None
        self._pid = 0
        try:
            self._launch(environment)
        except BaseException:
            self.stop()
            raise

    def _launch(self, environment: Mapping[str, str]) -> None:
        command = [sys.executable, "-I", guard.__file__, str(os.getpid()), str(self._folder)]
        with self.log.open("ab") as log:
            self._guard = subprocess.Popen(  # noqa: S603
                [*command, sys.executable, "-m", "app", "worker"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=log,
                env=dict(environment),
                cwd=_HOME,
                # Ctrl-C in a terminal reaches us alone: the worker goes before its broker does.
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline() or 0)
        if not self._pid:
            raise Failed("the worker's process could not be started")

    def wait_ready(self, deadline: Deadline) -> None:
        """Returns when `/readyz` says so. Raises Failed where the worker ends before, or too late."""
        while self._get("/readyz")[0] != http.client.OK:
            deadline.check("the worker to be ready")
            self.check_alive()
            time.sleep(POLL_SECONDS)

    def check_alive(self) -> None:
        """Raises Failed with the worker's own last line where it has ended."""
        if self._guard is None or (code := self._guard.poll()) is None:
            return
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().split("\n")
        raise Failed(f"the worker ended with code {code}: {lines[-1].removeprefix('rollcall: ')}")

    def metrics(self) -> str:
        """What `/metrics` answers. Raises Failed where nobody does."""
        status, text = self._get("/metrics")
        if status != http.client.OK:
            self.check_alive()
            raise Failed("the worker does not answer for its metrics")
        return text

    def stop(self) -> int | None:
        """SIGTERM, and an end by force where that is not enough. The worker's exit code, None if none ran.

        Idempotent; its log goes too.
        """
        code = None
        if self._guard is not None:
            self._terminate(self._guard)
            for pipe in (self._guard.stdin, self._guard.stdout):
                assert pipe is not None
                pipe.close()  # without us at the other end the guard kills what is left
            code = self._guard.wait(_STOP_SECONDS)
            self._guard = None
        shutil.rmtree(self._folder.parent, ignore_errors=True)
        return code

    def _terminate(self, process: subprocess.Popen[bytes]) -> None:
        if self._pid and process.poll() is None:
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.kill(self._pid, signal.SIGTERM)
                process.wait(_STOP_SECONDS)

    def _get(self, path: str) -> tuple[int, str]:
        """Status and text; status 0 where nobody listens."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_HTTP_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()
