"""Runs the measured processes on a core of their own, and reads their CPU time and memory from outside.

Speeds are per CPU second and not per second of wall time: other processes on the machine change them little,
and waiting for the broker does not count.
"""

import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, BinaryIO, Final, Protocol

import psutil  # type: ignore[import-untyped]

ROOT: Final = Path(__file__).parents[3]
_STOP_SECONDS: Final = 30.0
_LOG_TAIL: Final = 2_000


class BenchFailed(Exception):
    """A measured process ended, or did not do its work. The text has the end of its log."""


def reserve_core() -> int | None:
    """Returns the core for the measured processes. Neither this process nor the broker that it starts later
    runs on it. None if the system cannot pin processes, or has a single core."""
    if sys.platform == "linux":
        cores = sorted(os.sched_getaffinity(0))
        if len(cores) > 1:
            os.sched_setaffinity(0, cores[:-1])
            return cores[-1]
    return None


def _pin(pid: int, core: int | None) -> None:
    # Pinned before it has threads, which inherit the setting.
    if sys.platform == "linux" and core is not None:
        os.sched_setaffinity(pid, {core})


class Running(Protocol):
    """What is measured: a process, or several as one."""

    def cpu_seconds(self) -> float: ...
    def check(self) -> None:
        """Raises BenchFailed if a process has ended."""


class Measured:
    """A running process under measurement."""

    def __init__(self, process: "subprocess.Popen[bytes]", log: IO[bytes]) -> None:
        self._process = process
        self._log = log
        self._ps = psutil.Process(process.pid)

    def cpu_seconds(self) -> float:
        """Returns the user and system time of all its threads since its start."""
        self.check()
        times = self._ps.cpu_times()
        return float(times.user + times.system)

    def resident_bytes(self) -> int:
        self.check()
        return int(self._ps.memory_info().rss)

    def peak_bytes(self) -> int:
        """Returns the largest resident size so far; the present size if the system does not tell the
        largest."""
        status = Path(f"/proc/{self._process.pid}/status")
        if status.exists():
            for line in status.read_text().splitlines():
                if line.startswith("VmHWM:"):
                    return int(line.split()[1]) * 1024
        return self.resident_bytes()

    def check(self) -> None:
        """Raises BenchFailed if the process has ended."""
        if self._process.poll() is not None:
            raise BenchFailed(f"the process ended with {self._process.returncode}\n{self.log_tail()}")

    def log_tail(self) -> str:
        self._log.flush()
        return Path(self._log.name).read_text(errors="replace")[-_LOG_TAIL:]

    def stop(self) -> None:
        """Sends SIGTERM, and SIGKILL if the process does not end."""
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGTERM)
            try:
                self._process.wait(_STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()


@contextmanager
def measured(
    arguments: Sequence[str],
    core: int | None,
    environment: Mapping[str, str] | None = None,
    root: Path = ROOT,
    program: str = sys.executable,
) -> Iterator[Measured]:
    """Runs `python ARGUMENTS`, or another program with these arguments, on the core in the folder `root`
    until the block ends; its output goes to a log."""
    with tempfile.NamedTemporaryFile(prefix="rollcall-bench-") as log:
        process = subprocess.Popen(
            [program, *arguments],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            env={**os.environ, **(environment or {})},
            cwd=root,
        )
        _pin(process.pid, core)
        running = Measured(process, log)
        try:
            yield running
        finally:
            running.stop()


def run_to_end(arguments: Sequence[str], source: BinaryIO, core: int | None) -> tuple[float, float]:
    """Returns the wall and CPU seconds of `python ARGUMENTS < source > /dev/null` on the core, start-up
    included.

    Raises BenchFailed if it does not exit with 0.
    """
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, *arguments], stdin=source, stdout=subprocess.DEVNULL, cwd=ROOT
    )
    _pin(process.pid, core)
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise BenchFailed(f"{' '.join(arguments)} ended with {process.returncode}")
    return wall, usage.ru_utime + usage.ru_stime
