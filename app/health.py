"""Our own HTTP server: `/metrics`, `/healthz`, `/readyz`, and `POST /vendors/{vendor}/resume`.

Faust's would show table rows to whoever asks.
"""

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.lane import NotRecorded
from app.metrics import Metrics

# The same for all: a scrape must not hold up slices, nor a probe its answer.
_NO_STORE: Final = {"Cache-Control": "no-store"}

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
) -> AsyncIterator[int]:
    """Serves while the context is open; gives the port, which is a free one where 0 was asked for.

    `refresh` sets the gauges before each scrape. Raises HttpServerFailed.
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

    server = web.Application()
    server.add_routes(
        [
            web.get("/metrics", show_metrics),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
            web.post("/vendors/{vendor}/resume", resume_vendor),
        ]
    )
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        # asyncio's own text says the address once more; a host without address has a negative number.
        why = os.strerror(error.errno) if error.errno and error.errno > 0 else error.strerror
        raise HttpServerFailed(f"cannot listen on {host}:{port}: {why}") from None
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


async def _resumed(request: web.Request, resume: Resume) -> tuple[HTTPStatus, str]:
    """Status, and the number of partitions or what stands against it."""
    vendor = request.match_info["vendor"]
    if "Origin" in request.headers:
        # Browsers send it: a page that an operator looks at must not resume anything.
        return HTTPStatus.FORBIDDEN, "not for browsers"
    try:
        partitions = await resume(vendor)
    except KeyError:
        return HTTPStatus.NOT_FOUND, "no such vendor"
    except NotRecorded:
        return HTTPStatus.SERVICE_UNAVAILABLE, "the group is rebalancing, try again"
    if partitions == 0:
        return HTTPStatus.CONFLICT, f"{vendor} is not held in this worker"
    return HTTPStatus.OK, str(partitions)
