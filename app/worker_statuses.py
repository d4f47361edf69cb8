"""The answer to `GET /workers.json`: the status of this worker and of those in WORKER_URLS, for the page at
`/`. A browser asks one worker only, which asks the others."""

import asyncio
import time
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Final

import aiohttp
import msgspec
from msgspec import Raw, Struct

ASK_SECONDS: Final = 2.0
"""A worker that has not answered after that has no status in this answer."""
KEPT_SECONDS: Final = 1.0
_LARGEST_STATUS: Final = 1 << 20


class WorkerStatus(Struct, frozen=True):
    """What is known of one worker."""

    url: str
    """As in WORKER_URLS; empty: the worker that answers."""
    status: Raw | None
    """Its `/status.json`; null if there is a problem."""
    problem: str | None = None


class WorkerStatuses(Struct, frozen=True):
    """The answer to `GET /workers.json`. The worker that answers is the first."""

    workers: list[WorkerStatus]


class StatusReader:
    """Asks the other workers, at most once a second, however many clients there are."""

    def __init__(
        self, own: Callable[[], bytes], urls: Sequence[str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`own`: this worker's status as JSON. `urls`: the base URLs of the others."""
        self._own = own
        self._urls = urls
        self._clock = clock
        self._lock = asyncio.Lock()
        self._asked: float | None = None
        self._others: list[WorkerStatus] = []

    async def body(self) -> bytes:
        """Returns the statuses as JSON."""
        async with self._lock:
            now = self._clock()
            if self._urls and (self._asked is None or now - self._asked >= KEPT_SECONDS):
                timeout = aiohttp.ClientTimeout(total=ASK_SECONDS)
                async with aiohttp.ClientSession(timeout=timeout) as session:
                    found = await asyncio.gather(*(_ask(session, url) for url in self._urls))
                # Every worker of a deployment has the same list, with itself in it.
                self._others = [
                    each for each in found if each.status is None or not _is_same(each.status, self._own())
                ]
                self._asked = self._clock()
        return msgspec.json.encode(WorkerStatuses([WorkerStatus("", Raw(self._own())), *self._others]))


class _Instance(Struct):
    """What makes an answer a status. Of a worker of another version other members may be missing."""

    instance: str


def _is_same(status: Raw, own: bytes) -> bool:
    instances = (msgspec.json.decode(each, type=_Instance).instance for each in (status, own))
    return len(set(instances)) == 1


async def _ask(session: aiohttp.ClientSession, url: str) -> WorkerStatus:
    try:
        async with session.get(f"{url}/status.json", allow_redirects=False) as answer:
            if answer.status != HTTPStatus.OK:
                return WorkerStatus(url, None, f"it answers with the status {answer.status}")
            body = await answer.content.read(_LARGEST_STATUS + 1)
            while len(body) <= _LARGEST_STATUS and (more := await answer.content.read(_LARGEST_STATUS)):
                body += more
        if len(body) > _LARGEST_STATUS:
            return WorkerStatus(url, None, "its status is too large")
        msgspec.json.decode(body, type=_Instance)
    except (aiohttp.ClientError, TimeoutError):
        return WorkerStatus(url, None, "it does not answer")
    except msgspec.DecodeError:
        return WorkerStatus(url, None, "it answers with something else than a status")
    return WorkerStatus(url, Raw(body))
