"""Our own HTTP server: `/metrics`, `/healthz`, `/readyz`, and `POST /vendors/{vendor}/resume`.

Faust's would show table rows to whoever asks.
"""

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler, Middleware
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.http_access import refusal
from app.http_limits import HEAD_LINE_BYTES, Connection, Connections, FewLines, connection_of, logger
from app.lane import NotRecorded
from app.metrics import Metrics

# The same for all: a scrape must not hold up slices, nor a probe its answer.
_NO_STORE: Final = {"Cache-Control": "no-store"}
# For a body that nobody reads: closed at once, the connection would be reset before the answer is read.
_LINGER_SECONDS: Final = 1.0

Problems = Callable[[], list[str]]
"""What stands against readiness, a short phrase each; none while the worker does its work."""


Resume = Callable[[str], Awaitable[int]]
"""Lets a held vendor go on; how many partitions do. Raises KeyError and NotRecorded."""


class HttpServerFailed(Exception):
    """The address cannot be listened on; one line."""


@asynccontextmanager
async def http_server(
    host: str,
    port: int,
    metrics: Metrics,
    refresh: Callable[[], None],
    problems: Problems,
    resume: Resume,
    token: str = "",
) -> AsyncIterator[int]:
    """Serves while the context is open; gives the port, which is a free one if 0 was asked for.

    `refresh` sets the gauges before each scrape. `token` is what `POST` has to send if it is not empty.
    Raises HttpServerFailed.
    """

    async def show_metrics(_: web.Request) -> web.Response:
        refresh()
        metrics.ready.set(0 if problems() else 1)
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST, **_NO_STORE})

    async def healthz(_: web.Request) -> web.Response:
        # That this answers at all is what it says: the loop turns.
        return web.json_response({"status": "ok"}, headers=_NO_STORE)

    async def readyz(_: web.Request) -> web.Response:
        found = problems()
        answer = {"status": "not ready" if found else "ready", "problems": found}
        return web.json_response(answer, status=503 if found else 200, headers=_NO_STORE)

    async def resume_vendor(request: web.Request) -> web.Response:
        status, text = await _resumed(request, resume)
        answer = {"partitions": int(text)} if status == HTTPStatus.OK else {"problem": text}
        return web.json_response(answer, status=status, headers=_NO_STORE)

    application = web.Application(middlewares=[_one_request(token)])
    application.add_routes(
        [
            web.get("/metrics", show_metrics),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.post("/vendors/{vendor}/resume", resume_vendor),
        ]
    )
    async with _listening(application, host, port) as found:
        yield found


def _one_request(token: str) -> Middleware:
    """A connection carries one request: an idle one is then never worth keeping."""

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
    """Gives the port. Not by aiohttp's own TCPSite, which cannot be told how many may connect."""
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
            # asyncio's own text says the address once more; a host without address has a negative number.
            why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
            raise HttpServerFailed(f"cannot listen on {host}:{port}: {why}") from None
        yield listener.sockets[0].getsockname()[1]
    finally:
        if listener is not None:
            listener.close()
        await runner.cleanup()
        connections.abort()
        logger.removeFilter(few_lines)
        few_lines.tell()


async def _resumed(request: web.Request, resume: Resume) -> tuple[HTTPStatus, str]:
    """Status, and the number of partitions or what stands against it."""
    vendor = request.match_info["vendor"]
    try:
        partitions = await resume(vendor)
    except KeyError:
        return HTTPStatus.NOT_FOUND, "no such vendor"
    except NotRecorded:
        return HTTPStatus.SERVICE_UNAVAILABLE, "the group is rebalancing, try again"
    if partitions == 0:
        return HTTPStatus.CONFLICT, f"{vendor} is not held in this worker"
    return HTTPStatus.OK, str(partitions)
