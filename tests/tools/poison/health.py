"""Asks workers for /healthz, and measures how long their loops are blocked.

A process of its own asks, because whatever the campaign does would be measured, too.
"""

import http.client
import multiprocessing
import threading
import time
from collections.abc import Sequence
from contextlib import closing
from ctypes import c_int64
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.tools.faults.pods import Pod

_EVERY_SECONDS = 0.05
_MOST_SECONDS = 60.0


class Answer(NamedTuple):
    """What an ask has shown of a worker. `came`: whether it answered; `seconds`: for how long its loop may
    have been blocked; `worked`: for how much of that its main thread had a processor."""

    worker: int
    came: bool
    seconds: float
    worked: float


class Health:
    """Asks each worker twenty times a second, and measures how long the answers take.

    The time in which the worker's main thread, or the thread that asks, was ready to run while other
    processes had the processors is not counted: a busy machine is no blocked loop.
    """

    def __init__(self, pods: Sequence[Pod]) -> None:
        self.answers = 0
        self.blocks: list[Answer] = []
        """The answers that took longer than a tenth of a second."""
        self._pods = pods
        context = multiprocessing.get_context("spawn")
        self._pids = [context.RawValue(c_int64, pod.pid) for pod in pods]
        self._found, theirs = context.Pipe(duplex=False)
        asked = [(pod.port, pid) for pod, pid in zip(pods, self._pids, strict=True)]
        self._process = context.Process(target=_ask_all, args=(asked, theirs), daemon=True)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._follow, daemon=True)

    @property
    def longest(self) -> float:
        """The longest time in seconds in which a loop did not turn."""
        return max((block.seconds for block in self.blocks), default=0.0)

    def __enter__(self) -> Self:
        self._process.start()
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()
        self._process.kill()
        self._process.join()

    def _follow(self) -> None:
        while not self._done.wait(_EVERY_SECONDS / 2):
            for pod, pid in zip(self._pods, self._pids, strict=True):
                pid.value = pod.pid
            while self._found.poll():
                answer: Answer = self._found.recv()
                self.answers += answer.came
                if answer.seconds > 0.1:
                    self.blocks.append(answer)


def _ask_all(asked: Sequence[tuple[int, Any]], found: Connection) -> None:
    lock = threading.Lock()

    def ask(worker: int) -> None:
        port, current = asked[worker]
        while True:
            time.sleep(_EVERY_SECONDS)
            pid, began = current.value, time.monotonic()
            before = [_schedule(pid), _schedule(threading.get_native_id())]
            came = _answers(port)
            after = [_schedule(pid), _schedule(threading.get_native_id())]
            seconds = time.monotonic() - began
            # A worker that was killed before it answered was blocked at least so long.
            waited = [max(end.waited - start.waited, 0.0) for start, end in zip(before, after, strict=True)]
            with lock:
                worked = max(after[0].worked - before[0].worked, 0.0)
                found.send(Answer(worker, came, seconds - sum(waited), worked))

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in range(len(asked))]
    for thread in threads:
        thread.start()


def _answers(port: int) -> bool:
    with closing(http.client.HTTPConnection("127.0.0.1", port, timeout=_MOST_SECONDS)) as connection:
        try:
            connection.request("GET", "/healthz")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False


class _Schedule(NamedTuple):
    """For how many seconds a thread has had a processor, and has waited for one."""

    worked: float
    waited: float


def _schedule(thread: int) -> _Schedule:
    """Returns zeros if the thread is gone, or if this system does not tell."""
    try:
        worked, waited, _ = Path(f"/proc/{thread}/schedstat").read_text("ascii").split()
    except (OSError, ValueError):
        return _Schedule(0.0, 0.0)
    return _Schedule(int(worked) / 1e9, int(waited) / 1e9)


def waited_seconds(pid: int) -> float:
    """Returns for how long the main thread of a process has waited for a processor; 0.0 if nobody knows."""
    return _schedule(pid).waited
