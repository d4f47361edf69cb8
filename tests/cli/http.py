"""The HTTP servers that commands ask in tests: that of a worker without a Kafka, and others."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from aiohttp import web

from app.engine import NotCommitted
from app.errors import ResumeRefused, VendorNotRead
from app.pause_reasons import by_operator
from tests import test_health

LOCAL = "127.0.0.1"


async def resume(vendor: str, skip: str = "") -> int:
    """Answers as a worker in which Magine is paused and Amity is not; while Fynd is resumed, the group
    rebalances. Only the record t/1/2 can be skipped."""
    if vendor == "fynd":
        raise NotCommitted
    if vendor == "rocketchat":
        raise VendorNotRead("rocketchat is not in VENDORS")
    if skip not in ("", "t/1/2"):
        raise ResumeRefused("--skip: why")
    return {"magine": 3, "amity": 0}[vendor]


async def pause(vendor: str, words: str = "") -> int:
    """Answers as a worker with three partitions of Magine and none of Amity; the group rebalances when Fynd
    is paused."""
    by_operator(words)
    return await resume(vendor)


def serve(token: str = "", host: str = LOCAL) -> AbstractAsyncContextManager[int]:
    return test_health.serve(host=host, token=token, resume=resume, pause=pause)


@asynccontextmanager
async def answering(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """Gives the address of a server that is no worker."""
    server = web.Application()
    server.add_routes([web.route("*", "/{path:.*}", handler)])
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOCAL, 0).start()
        yield f"http://{LOCAL}:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()
