"""A limit of memory for workers, kept from outside."""

import os
import signal
import threading
import time
from pathlib import Path
from typing import Self

from tests.tools.faults.pods import Pod

_EVERY_SECONDS = 0.1


class MemoryLimit:
    """Samples the resident memory of workers ten times a second, and kills one that has too much, as a kernel
    with a limit does. A limit of the address space would count what is never used."""

    def __init__(self, pods: list[Pod], limit: int) -> None:
        """`limit` is in bytes."""
        self.peak = 0
        """The largest resident size that a worker had, in bytes."""
        self.killed: list[int] = []
        """The process ids of the workers that it has killed."""
        self._pods = pods
        self._limit = limit
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._done.is_set():
            began = time.monotonic()
            for pod in self._pods:
                self._look(pod.pid)
            self._done.wait(max(_EVERY_SECONDS - (time.monotonic() - began), 0.01))

    def _look(self, pid: int) -> None:
        resident, peak = memory_of(pid)
        self.peak = max(self.peak, peak)
        if resident > self._limit and pid not in self.killed:
            self.killed.append(pid)
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                self.killed.pop()


def memory_of(pid: int) -> tuple[int, int]:
    """Returns the present and the largest resident size of a process in bytes; zeros if it is gone."""
    try:
        lines = Path(f"/proc/{pid}/status").read_text("ascii", errors="replace").splitlines()
    except (FileNotFoundError, ProcessLookupError):
        return 0, 0
    sizes = {line.split(":")[0]: int(line.split()[1]) << 10 for line in lines if line.startswith("Vm")}
    return sizes.get("VmRSS", 0), sizes.get("VmHWM", 0)
