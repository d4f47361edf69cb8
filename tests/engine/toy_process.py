"""Toy workers as processes, and what they have handled."""

import os
import signal
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec

from tests.engine.toy_worker import Toy
from tests.prefork import start_in_background
from tests.waiting import GIVE_UP_SECONDS, wait_until

Position = tuple[int, int]
"""Partition and offset."""


class ToyProcess:
    """A running toy worker. At the end of the block it is killed if the test has not ended it."""

    def __init__(self, toy: Toy) -> None:
        self._journal = Path(toy.journal)
        self._said = self._journal.with_suffix(".out")
        module = ["tests.engine.toy_worker", msgspec.json.encode(toy).decode()]
        self._process = start_in_background(module, os.environ, self._said)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
        if kind is not None:
            print(self.said()[-8000:])

    def said(self) -> str:
        """Returns everything on stdout and stderr."""
        return self._said.read_text()

    def handled(self) -> list[Position]:
        """Returns every record that it has handled, in that order."""
        if not self._journal.exists():
            return []
        lines = self._journal.read_text().splitlines()
        return [(int(partition), int(offset)) for partition, offset in map(str.split, lines)]

    def wait_handled(self, count: int) -> None:
        wait_until(lambda: len(self.handled()) >= count, f"{count} records handled")

    def terminate(self) -> int:
        """Sends SIGTERM and returns the exit code."""
        self._process.send_signal(signal.SIGTERM)
        return self.exit_code()

    def exit_code(self) -> int:
        return self._process.wait(GIVE_UP_SECONDS)
