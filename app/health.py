"""Our own HTTP server: `/metrics`, `/healthz`, `/readyz`. Faust's would show table rows to whoever asks."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.metrics import Metrics

# The same for all: a scrape must not hold up slices, nor a probe its answer.
_NO_STORE: Final = {"Cache-Control": "no-store"}

Problems = Callable[[], list[str]]
"""What stands against readiness, a short phrase each; none while the worker does its work."""


class HttpServerFailed(Exception):
    """The address cannot be listened on; one line."""


@asynccontextmanager
async def http_server(
    host: str, port: int, metrics: Metrics, refresh: Callable[[], None], problems: Problems
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

    server = web.Application()
    server.add_routes(
        [
            web.get("/metrics", show_metrics),
            web.get("/healthz", healthz),
            web.get("/readyz", readyz),
        ]
    )
    runner = web.AppRunner(server, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
    except OSError as error:
        await runner.cleanup()
        raise HttpServerFailed(f"cannot listen on {host}:{port}: {error.strerror}") from None
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
