"""One real worker, `python -m app worker`, as a process that always ends with the demo."""

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
from app.demo.waiting import POLL_SECONDS, Deadline
from app.embedded_kafka import guard
from app.errors import CommandFailed

# The worker stops its work within 8 s of SIGTERM, and promises to have ended after 10 s.
_STOP_SECONDS = 15.0
_HTTP_SECONDS = 5.0
# `app` is imported from this folder, whatever is in the demo's working directory.
_HOME = Path(app.__file__).resolve().parents[1]


class WorkerProcess:
    """A worker that starts with this object; `stop` ends it in any case."""

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
                # So that Ctrl-C in a terminal reaches the demo only, which ends the worker before the broker.
                start_new_session=True,
            )
        assert self._guard.stdout is not None
        self._pid = int(self._guard.stdout.readline() or 0)
        if not self._pid:
            raise CommandFailed("the worker's process could not be started")

    def wait_ready(self, deadline: Deadline) -> None:
        """Returns when `/readyz` says that the worker is ready. Raises CommandFailed if it ends before, and
        at the deadline."""
        while self._get("/readyz")[0] != http.client.OK:
            deadline.check("the worker to be ready")
            self.check_alive()
            time.sleep(POLL_SECONDS)

    def check_alive(self) -> None:
        """Raises CommandFailed with the last line of the worker's log if it has ended."""
        if self._guard is None or (code := self._guard.poll()) is None:
            return
        lines = self.log.read_text(encoding="utf-8", errors="replace").strip().split("\n")
        raise CommandFailed(f"the worker ended with code {code}: {lines[-1].removeprefix('rollcall: ')}")

    def metrics(self) -> str:
        """Returns the answer of `/metrics`. Raises CommandFailed if there is none."""
        status, text = self._get("/metrics")
        if status != http.client.OK:
            self.check_alive()
            raise CommandFailed("the worker does not answer for its metrics")
        return text

    def stop(self) -> int | None:
        """Returns the worker's exit code, None if no worker runs. Sends SIGTERM, and kills the worker if that
        is not enough; deletes its log. May be called again.
        """
        code = None
        if self._guard is not None:
            self._terminate(self._guard)
            for pipe in (self._guard.stdin, self._guard.stdout):
                assert pipe is not None
                pipe.close()  # the guard kills what is left if its pipes are closed
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
        """Returns status and text; the status is 0 if nothing listens there."""
        connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=_HTTP_SECONDS)
        try:
            connection.request("GET", path)
            response = connection.getresponse()
            return response.status, response.read().decode()
        except (OSError, http.client.HTTPException):
            return 0, ""
        finally:
            connection.close()
