"""Restarts a worker each time that it ends, as a container platform does."""

import threading
from types import TracebackType
from typing import Final, Self

from tests.integration.worker import Site, WorkerProcess
from tests.waiting import GIVE_UP_SECONDS, wait_until

DIED: Final = "it died"
CRASH_LOOP: Final = 20
"""So many deaths are one: nothing is waited for any longer."""


class Supervisor:
    """A context in which a worker runs. `worker` is the present process."""

    def __init__(self, site: Site, *module: str) -> None:
        self._site = site
        self._module = module
        self._leaving = threading.Event()
        self.exits: list[int] = []
        """The exit codes of all processes that have ended before `stop`."""

    def __enter__(self) -> Self:
        self.worker = self._start()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._leaving.set()
        self.worker.__exit__(kind, problem, trace)
        self._thread.join(GIVE_UP_SECONDS)

    def _start(self) -> WorkerProcess:
        return self._site.worker(module=self._module)

    def _run(self) -> None:
        while True:
            code = self.worker.wait()
            if self._leaving.is_set():
                return
            self.exits.append(code)
            self.worker = self._start()

    def stop(self) -> None:
        """Stops the worker by SIGTERM, and starts no other."""
        self._leaving.set()
        self.worker.stop()

    def wait_said(self, text: str) -> str:
        """Returns the problems at /readyz when one of them has the text. Workers may die before that, and the
        wait for the next one begins again: on a busy machine a worker needs long until it dies."""

        def said_or_died() -> str:
            said = self.worker.get("/readyz")[1]
            if text in said:
                return said
            return DIED if len(self.exits) > deaths else ""

        while True:
            deaths = len(self.exits)
            assert deaths < CRASH_LOOP, f"{deaths} workers have ended"
            if (said := wait_until(said_or_died, f"/readyz says: {text}")) != DIED:
                return said
