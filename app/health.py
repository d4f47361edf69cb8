"""A worker's HTTP server: `/metrics`, `/healthz`, `/readyz`, `/status.json`, and
`POST /vendors/{vendor}/resume`.

It takes the place of Faust's, which shows the rows of the tables to every client.
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

from app.engine import NotCommitted, RestoreReport
from app.errors import HttpServerFailed, ResumeRefused
from app.http_access import refusal
from app.http_limits import HEAD_LINE_BYTES, Connection, Connections, FewLines, connection_of, logger
from app.metrics import Metrics

# A proxy must not answer a scrape or a probe with an older answer.
_NO_STORE: Final = {"Cache-Control": "no-store"}
# A request may have a body, which nothing here reads. If the connection were closed at once, the client would
# see a reset before it has read the answer.
_LINGER_SECONDS: Final = 1.0

Problems = Callable[[], list[str]]
"""Returns why the worker is not ready, a short phrase each; empty if it is."""


Resume = Callable[[str, str], Awaitable[int]]
"""Resumes a paused vendor, perhaps without one record (its position, or an empty text); returns the number of
partitions that were paused. Raises KeyError for an unknown vendor, ResumeRefused for a record that cannot be
skipped, and NotCommitted while the group rebalances."""


@asynccontextmanager
async def http_server(
    host: str,
    port: int,
    metrics: Metrics,
    refresh: Callable[[], None],
    problems: Problems,
    resume: Resume,
    token: str = "",
    restore: Callable[[], RestoreReport | None] = lambda: None,
    status: Callable[[], bytes] = lambda: b"{}",
    stuck: Problems = list,
) -> AsyncIterator[int]:
    """Serves while the context is open, and gives the port: a free one if `port` is 0.

    `refresh` sets the gauges before each scrape. `token`: the bearer token that a `POST` has to send; empty:
    no token is needed. `restore`: how far the restore of the tables has come. `status`: the worker's status
    as JSON. `stuck`: why only a restart can help. Raises HttpServerFailed if the server cannot listen on the
    address.
    """

    async def show_metrics(_: web.Request) -> web.Response:
        refresh()
        metrics.ready.set(0 if problems() else 1)
        body = generate_latest(metrics.registry)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST, **_NO_STORE})

    async def healthz(_: web.Request) -> web.Response:
        # An answer shows that the event loop turns. `stuck` tells of the other loop and of the group.
        if reasons := stuck():
            return web.json_response({"status": "stuck", "problems": reasons}, status=503, headers=_NO_STORE)
        return web.json_response({"status": "ok"}, headers=_NO_STORE)

    async def readyz(_: web.Request) -> web.Response:
        reasons = problems()
        answer: dict[str, object] = {"status": "not ready" if reasons else "ready", "problems": reasons}
        if report := restore():
            answer["restore"] = report._asdict()
        return web.json_response(answer, status=503 if reasons else 200, headers=_NO_STORE)

    async def show_status(_: web.Request) -> web.Response:
        return web.Response(body=status(), content_type="application/json", headers=_NO_STORE)

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
            web.get("/status.json", show_status),
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


async def _resumed(request: web.Request, resume: Resume) -> tuple[HTTPStatus, str]:
    """Returns the status, and the number of resumed partitions or the reason why there are none."""
    vendor = request.match_info["vendor"]
    try:
        partitions = await resume(vendor, request.query.get("skip", ""))
    except KeyError:
        return HTTPStatus.NOT_FOUND, "no such vendor"
    except ResumeRefused as refused:
        return HTTPStatus.CONFLICT, str(refused)
    except NotCommitted:
        return HTTPStatus.SERVICE_UNAVAILABLE, "the group is rebalancing, try again"
    if partitions == 0:
        return HTTPStatus.CONFLICT, f"{vendor} is not paused in this worker"
    return HTTPStatus.OK, str(partitions)
