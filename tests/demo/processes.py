"""Runs the demo as a real process, and follows the processes that it starts."""

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.embedded_kafka.processes import is_gone, line
from tests.waiting import GIVE_UP_SECONDS, wait_until

DEMO = ("-m", "app", "demo")
# The demo, and a broker and a worker, each with a guard process.
PROCESSES = 5


class Demo:
    """A running demo. `process`: its output is text; `temporary`: the folder of its temporary files."""

    def __init__(self, process: "subprocess.Popen[str]", temporary: Path) -> None:
        self.process = process
        self._temporary = temporary
        self._descendants: set[int] = set()

    def read_to(self, beginning: str) -> str:
        """Returns everything that was read, up to the line with this beginning."""
        read = ""
        while self.process.poll() is None:
            text = line(self.process)
            read += text + "\n"
            if text.startswith(beginning):
                self._descendants |= descendants(self.process.pid)
                return read
        raise AssertionError(f"ended without saying {beginning!r}, but: {read}")

    def end(self) -> tuple[str, str]:
        """Returns the rest of both outputs when the demo and every process that it started have ended."""
        output, errors = self.process.communicate(timeout=GIVE_UP_SECONDS)
        wait_until(lambda: all(map(is_gone, self._descendants)), "the end of all processes")
        wait_until(lambda: not self.processes(), "the end of the processes that nobody has seen")
        wait_until(lambda: not any(self._temporary.iterdir()), "the end of all temporary files")
        return output, errors

    def processes(self) -> set[int]:
        """Returns the ids of the demo and of all processes that it has started, directly or not: each of them
        has the folder of its temporary files in its environment."""
        mark = os.fsencode(f"TMPDIR={self._temporary}")
        return {
            int(folder.name)
            for folder in Path("/proc").glob("[0-9]*")
            if mark in environment_of(folder).split(b"\0")
        }


@contextmanager
def demo(
    temporary: Path, *arguments: str, command: tuple[str, ...] = DEMO, **settings: str
) -> Iterator[Demo]:
    """Runs the command until the block ends; with an embedded Kafka, unless `settings` name a broker."""
    environment = {name: value for name, value in os.environ.items() if name != "BROKER_URL"}
    with subprocess.Popen(
        [sys.executable, *command, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        # A demo writes 29 KB. Only a part of it fits into such a pipe and into the buffer of its reader, so
        # the demo cannot end before the test has read on, however slow the test is.
        pipesize=4096,
        env={**environment, "TMPDIR": str(temporary), **settings},
    ) as process:
        try:
            yield Demo(process, temporary)
        finally:
            process.kill()


def environment_of(folder: Path) -> bytes:
    """Returns the environment of a process; empty if it has ended or belongs to another user."""
    try:
        return (folder / "environ").read_bytes()
    except OSError:
        return b""


def descendants(pid: int) -> set[int]:
    """Returns the ids of the processes that this one has started, and of those that they have started."""
    table = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, check=True)
    parents = {int(row.split()[0]): int(row.split()[1]) for row in table.stdout.splitlines()}
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}
