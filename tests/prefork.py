"""Starts workers and commands quickly: a process that has imported all that they need forks for each of them.

Four fifths of what a worker costs until it is ready are imports, and `make test` starts hundreds. A process
that is forked runs the same code from `__main__` on, with an environment and files of its own. One that needs
another interpreter, for coverage or by a variable that is read by an import, is started as usual.
"""

import json
import os
import selectors
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from functools import cache
from importlib import import_module
from pathlib import Path
from runpy import run_module
from tempfile import TemporaryFile
from typing import Any, Final, NamedTuple, Protocol

from app.environment import variables
from tests.waiting import GIVE_UP_SECONDS

ROOT: Final = Path(__file__).parents[1]
_IMPORTED: Final = ("app.cli.worker", "app.worker", "app.health", "app.status")
_MESSAGE_BYTES: Final = 1 << 18
# Nothing reads these while it is imported.
_FREE: Final = ("FAULTS_", "PYTEST_CURRENT_TEST")


class Process(Protocol):
    """What a test does with a process; `subprocess.Popen` has it too."""

    @property
    def pid(self) -> int: ...
    def poll(self) -> int | None: ...
    def wait(self, timeout: float | None = None) -> int: ...
    def send_signal(self, sig: int) -> None: ...


class Standard(NamedTuple):
    """The file descriptors of standard input, output and error."""

    stdin: int
    stdout: int
    stderr: int


def start_module(module: Sequence[str], environment: Mapping[str, str], standard: Standard) -> Process:
    """Returns a process that runs a module with arguments, in the root of the repository."""
    if "COVERAGE_PROCESS_CONFIG" not in environment:
        forker = _forker()
        if not forker.differs(environment):
            return forker.start(module, environment, standard)
    return subprocess.Popen(
        [sys.executable, "-m", *module],
        env=dict(environment),
        cwd=ROOT,
        stdin=standard.stdin,
        stdout=standard.stdout,
        stderr=standard.stderr,
    )


def start_in_background(module: Sequence[str], environment: Mapping[str, str], said: Path) -> Process:
    """Returns a process as `start_module` does. It has no input, and writes all that it says to a file."""
    with said.open("wb") as output, Path(os.devnull).open("rb") as nothing:
        standard = Standard(nothing.fileno(), output.fileno(), output.fileno())
        return start_module(module, environment, standard)


def run_to_end(
    module: Sequence[str], environment: Mapping[str, str], stdin: bytes = b""
) -> subprocess.CompletedProcess[bytes]:
    """Returns how a process has ended, with what it said."""
    with ExitStack() as files:
        given, out, err = (files.enter_context(TemporaryFile()) for _ in range(3))
        given.write(stdin)
        given.seek(0)
        process = start_module(module, environment, Standard(given.fileno(), out.fileno(), err.fileno()))
        try:
            code = process.wait(GIVE_UP_SECONDS)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            raise
        out.seek(0)
        err.seek(0)
        return subprocess.CompletedProcess(module, code, out.read(), err.read())


class ForkedProcess:
    """A process that is a child of the forker, which tells how it ended."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self._code: int | None = None
        self._ended = threading.Condition()

    def end(self, status: int) -> None:
        """Notes the status that `os.waitpid` has returned."""
        with self._ended:
            self._code = os.waitstatus_to_exitcode(status)
            self._ended.notify_all()

    def poll(self) -> int | None:
        return self._code

    def wait(self, timeout: float | None = None) -> int:
        with self._ended:
            if not self._ended.wait_for(lambda: self._code is not None, timeout):
                raise subprocess.TimeoutExpired(f"process {self.pid}", timeout or 0.0)
        assert self._code is not None
        return self._code

    def send_signal(self, sig: int) -> None:
        with self._ended:
            if self._code is None:
                os.kill(self.pid, sig)


class Forker:
    """The connection to the process that forks. It ends with this process, and so do those that it forked."""

    def __init__(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self._socket = ours
        self._environment = {
            name: value for name, value in os.environ.items() if name != "COVERAGE_PROCESS_CONFIG"
        }
        self._settings = {variable.name for variable in variables()}
        self._running: dict[int, ForkedProcess] = {}
        self._changed = threading.Condition()
        self._forked: list[ForkedProcess] = []
        self._starting = threading.Lock()
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.prefork", str(theirs.fileno())],
                env=self._environment,
                cwd=ROOT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
            )
        threading.Thread(target=self._listen, name="forker", daemon=True).start()

    def differs(self, environment: Mapping[str, str]) -> bool:
        """Returns whether an import could do something else with this environment than it has done."""
        names = {*environment, *self._environment} - self._settings
        return any(
            environment.get(name) != self._environment.get(name)
            for name in names
            if not name.startswith(_FREE)
        )

    def start(
        self, module: Sequence[str], environment: Mapping[str, str], standard: Standard
    ) -> ForkedProcess:
        request = json.dumps({"module": [*module], "environment": dict(environment)}).encode()
        with self._starting:
            socket.send_fds(self._socket, [request], [*standard])
            with self._changed:
                assert self._changed.wait_for(lambda: bool(self._forked), GIVE_UP_SECONDS), "nothing forked"
                return self._forked.pop()

    def _listen(self) -> None:
        while message := self._socket.recv(_MESSAGE_BYTES):
            told: dict[str, int] = json.loads(message)
            with self._changed:
                if "status" in told:
                    self._running.pop(told["pid"]).end(told["status"])
                else:
                    process = self._running[told["pid"]] = ForkedProcess(told["pid"])
                    self._forked.append(process)
                    self._changed.notify_all()


@cache
def _forker() -> Forker:
    return Forker()


# -- the process that forks


def _serve(connection: socket.socket) -> dict[str, Any]:
    """Forks for each request. Returns the request in the child; never returns in this process."""
    wakeup, woken = socket.socketpair()
    for each in (wakeup, woken):
        each.setblocking(False)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    signal.set_wakeup_fd(wakeup.fileno())
    selector = selectors.DefaultSelector()
    selector.register(connection, selectors.EVENT_READ)
    selector.register(woken, selectors.EVENT_READ)
    children: set[int] = set()
    while True:
        for key, _ in selector.select():
            if key.fileobj is woken:
                woken.recv(_MESSAGE_BYTES)
                continue
            message, standard, _, _ = socket.recv_fds(connection, _MESSAGE_BYTES, len(Standard._fields))
            if not message:
                for pid in children:
                    os.kill(pid, signal.SIGKILL)
                sys.exit()
            child = os.fork()
            if not child:
                signal.set_wakeup_fd(-1)
                signal.signal(signal.SIGCHLD, signal.SIG_DFL)
                selector.close()
                for end in (wakeup, woken, connection):
                    end.close()
                for number, descriptor in enumerate(standard):
                    os.dup2(descriptor, number)
                    os.close(descriptor)
                request: dict[str, Any] = json.loads(message)
                return request
            for descriptor in standard:
                os.close(descriptor)
            children.add(child)
            connection.send(json.dumps({"pid": child}).encode())
        for pid in list(children):
            ended, status = os.waitpid(pid, os.WNOHANG)
            if ended:
                children.remove(pid)
                connection.send(json.dumps({"pid": pid, "status": status}).encode())


def main() -> None:
    for name in _IMPORTED:
        import_module(name)
    request = _serve(socket.socket(fileno=int(sys.argv[1])))
    os.environ.clear()
    os.environ.update(request["environment"])
    name, *arguments = request["module"]
    sys.argv = [name, *arguments]
    run_module(name, run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
