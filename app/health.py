"""A worker's HTTP server: the page at `/`, `/metrics`, `/healthz`, `/readyz`, `/status.json`,
`/workers.json`, and `POST /vendors/{vendor}/pause` and `.../resume`.

It takes the place of Faust's, which shows the rows of the tables to every client.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.engine import NotCommitted, RestoreReport
from app.errors import HttpServerFailed, PauseRefused, ResumeRefused, VendorNotRead
from app.http_access import refusal
from app.http_limits import HEAD_LINE_BYTES, Connection, Connections, FewLines, connection_of, logger
from app.metrics import Metrics
from app.status_page import BODY, HEADERS

PATHS: Final = ("/", "/metrics", "/healthz", "/readyz", "/status.json", "/workers.json")
"""What anybody may read."""

# A proxy must not answer a scrape or a probe with an older answer.
_NO_STORE: Final = {"Cache-Control": "no-store"}
# A request may have a body, which nothing here reads. If the connection were closed at once, the client would
# see a reset before it has read the answer.
_LINGER_SECONDS: Final = 1.0

Problems = Callable[[], list[str]]
"""Returns why the worker is not ready, a short phrase each; empty if it is."""


Pause = Callable[[str, str], Awaitable[int]]
"""Pauses a vendor with an operator's words, perhaps none; returns the number of its partitions in this
worker. Raises KeyError for an unknown vendor, VendorNotRead, PauseRefused, and NotCommitted while the group
rebalances."""

Resume = Callable[[str, str], Awaitable[int]]
"""Resumes a paused vendor, perhaps without one record (its position, or an empty text); returns the number of
partitions that were paused. Raises KeyError for an unknown vendor, VendorNotRead, ResumeRefused for a record
that cannot be skipped, and NotCommitted while the group rebalances."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What the server asks its worker for each request."""

    refresh: Callable[[], None]
    """Sets the gauges before a scrape."""
    problems: Problems
    stuck: Problems
    """Why only a restart can help."""
    restore: Callable[[], RestoreReport | None]
    """How far the restore of the tables has come."""
    status: Callable[[], bytes]
    """The worker's status as JSON."""
    workers: Callable[[], Awaitable[bytes]]
    """The status of all workers of the page, as JSON."""
    pause: Pause
    resume: Resume


@asynccontextmanager
async def http_server(
    host: str, port: int, metrics: Metrics, worker: Answers, token: str = ""
) -> AsyncIterator[int]:
    """Serves while the context is open, and gives the port: a free one if `port` is 0.

    `token`: the bearer token that a `POST` has to send; empty: no token is needed. Raises HttpServerFailed if
    the server cannot listen on the address.
    """

    async def show_metrics(_: web.Request) -> web.Response:
        worker.refresh()
        metrics.ready.set(0 if worker.problems() else 1)
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST, **_NO_STORE})

    async def healthz(_: web.Request) -> web.Response:
        # An answer shows that the event loop turns. `stuck` tells of the other loop and of the group.
        if reasons := worker.stuck():
            return web.json_response({"status": "stuck", "problems": reasons}, status=503, headers=_NO_STORE)
        return web.json_response({"status": "ok"}, headers=_NO_STORE)

    async def readyz(_: web.Request) -> web.Response:
        reasons = worker.problems()
        answer: dict[str, object] = {"status": "not ready" if reasons else "ready", "problems": reasons}
        if report := worker.restore():
            answer["restore"] = report._asdict()
        return web.json_response(answer, status=503 if reasons else 200, headers=_NO_STORE)

    async def show_status(_: web.Request) -> web.Response:
        return web.Response(body=worker.status(), content_type="application/json", headers=_NO_STORE)

    async def show_workers(_: web.Request) -> web.Response:
        return web.Response(body=await worker.workers(), content_type="application/json", headers=_NO_STORE)

    async def show_page(_: web.Request) -> web.Response:
        return web.Response(body=BODY, headers={**HEADERS, **_NO_STORE})

    async def pause_vendor(request: web.Request) -> web.Response:
        vendor, words = request.match_info["vendor"], request.query.get("reason", "")
        return _answer(await _asked(worker.pause(vendor, words)))

    async def resume_vendor(request: web.Request) -> web.Response:
        vendor, skip = request.match_info["vendor"], request.query.get("skip", "")
        asked = await _asked(worker.resume(vendor, skip))
        if asked == 0:
            asked = HTTPStatus.CONFLICT, f"{vendor} is not paused in this worker"
        return _answer(asked)

    readers = (show_page, show_metrics, healthz, readyz, show_status, show_workers)
    application = web.Application(middlewares=[_one_request(token)])
    application.add_routes(
        [
            *(web.get(path, handler) for path, handler in zip(PATHS, readers, strict=True)),
            web.post("/vendors/{vendor}/pause", pause_vendor),
            web.post("/vendors/{vendor}/resume", resume_vendor),
        ]
    )
    async with _listening(application, host, port) as bound_port:
        yield bound_port


def _one_request(token: str) -> Middleware:
    """Returns the middleware that checks who may send a request, and that ends the connection after its
    answer: so the server never has to keep an idle connection."""

    @web.middleware
    async def middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
        connection = connection_of(request)
        if connection is not None:
            connection.answering()
        try:
            if refused := refusal(request, token):
                status, problem = refused
                headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
                answer: web.StreamResponse = web.json_response(
                    {"problem": problem}, status=status, headers={**headers, **_NO_STORE}
                )
            else:
                answer = await handler(request)
        except web.HTTPException as error:
            error.force_close()
            raise
        finally:
            if connection is not None:
                connection.answered()
        answer.force_close()
        return answer

    return middleware


@asynccontextmanager
async def _listening(application: web.Application, host: str, port: int) -> AsyncIterator[int]:
    """Listens while the context is open, and gives the port. aiohttp's own TCPSite is not used, because it
    has no limit of connections."""
    few_lines = FewLines()
    logger.addFilter(few_lines)
    runner = web.AppRunner(
        application,
        access_log=None,
        logger=logger,
        shutdown_timeout=1.0,
        lingering_time=_LINGER_SECONDS,
        max_line_size=HEAD_LINE_BYTES,
        max_field_size=HEAD_LINE_BYTES,
    )
    await runner.setup()
    protocol, connections = runner.server, Connections()
    assert protocol is not None
    listener: asyncio.Server | None = None
    try:
        try:
            listener = await asyncio.get_running_loop().create_server(
                lambda: Connection(protocol(), connections), host, port
            )
        except OSError as error:
            # The text of asyncio's error repeats the address. If a host name cannot be resolved, `errno` is
            # negative and has no text in `os.strerror`.
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise HttpServerFailed(f"cannot listen on {host}:{port}: {why}") from None
        yield listener.sockets[0].getsockname()[1]
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()
        connections.abort()
        logger.removeFilter(few_lines)
        few_lines.report()


async def _asked(work: Awaitable[int]) -> int | tuple[HTTPStatus, str]:
    """Returns the number of partitions that were paused or resumed, or why none was: a status and a line."""
    try:
        return await work
    except KeyError:
        return HTTPStatus.NOT_FOUND, "no such vendor"
    except VendorNotRead as not_read:
        return HTTPStatus.NOT_FOUND, str(not_read)
    except PauseRefused as refused:
        return HTTPStatus.BAD_REQUEST, str(refused)
    except ResumeRefused as refused:
        return HTTPStatus.CONFLICT, str(refused)
    except NotCommitted:
        return HTTPStatus.SERVICE_UNAVAILABLE, "the group is rebalancing, try again"


def _answer(asked: int | tuple[HTTPStatus, str]) -> web.Response:
    if isinstance(asked, int):
        return web.json_response({"partitions": asked}, headers=_NO_STORE)
    status, problem = asked
    return web.json_response({"problem": problem}, status=status, headers=_NO_STORE)
