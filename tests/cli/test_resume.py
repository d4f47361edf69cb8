"""`rollcall resume` and the worker's answers to it; a real hold is in tests/integration."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import ClientSession, web

from app.cli.failed import Failed
from app.cli.resume import run_resume
from app.health import http_server
from app.lane import NotRecorded
from app.metrics import Metrics
from app.settings import Settings
from tests.cli.command import run

LOCAL = "127.0.0.1"


async def resume(vendor: str) -> int:
    """Magine is held, the group rebalances while Fynd is resumed, Amity is not held."""
    if vendor == "fynd":
        raise NotRecorded
    return {"magine": 3, "amity": 0}[vendor]


def serve() -> AbstractAsyncContextManager[int]:
    return http_server(LOCAL, 0, Metrics(), lambda: None, list, resume)


async def test_the_worker_of_the_settings_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve() as port:
        for host in (LOCAL, "0.0.0.0"):
            settings = Settings(http_host=host, http_port=port)
            assert await asyncio.to_thread(run_resume, settings, "magine", None) == 0
    assert capsys.readouterr().out == "magine goes on: 3 partitions\n" * 2


@pytest.mark.parametrize(
    ("vendor", "problem"),
    [
        ("fynd", "the group is rebalancing, try again"),
        ("amity", "amity is not held in this worker"),
        ("nobody", "no such vendor"),
    ],
)
async def test_a_no_is_one_line(vendor: str, problem: str) -> None:
    async with serve() as port:
        url = f"http://{LOCAL}:{port}"
        with pytest.raises(Failed, match=f"^{url} says: {problem}$"):
            await asyncio.to_thread(run_resume, Settings(), vendor, url + "/")


async def test_a_page_in_a_browser_resumes_nothing() -> None:
    async with serve() as port, ClientSession(headers={"Origin": "http://localhost"}) as session:
        async with session.post(f"http://{LOCAL}:{port}/vendors/magine/resume") as answer:
            assert answer.status == 403
        async with session.get(f"http://{LOCAL}:{port}/vendors/magine/resume") as answer:
            assert answer.status == 405


async def failure(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
    """What is said of a server that is no worker."""
    server = web.Application()
    server.add_routes([web.post("/{path:.*}", handler)])
    runner = web.AppRunner(server)
    await runner.setup()
    try:
        await web.TCPSite(runner, LOCAL, 0).start()
        url = f"http://{LOCAL}:{runner.addresses[0][1]}"
        with pytest.raises(Failed) as failed:
            await asyncio.to_thread(run_resume, Settings(), "magine", url)
        return str(failed.value).replace(url, "URL")
    finally:
        await runner.cleanup()


async def test_another_server_than_a_worker_is_one_line() -> None:
    async def text(_: web.Request) -> web.Response:
        return web.Response(text="hello")

    async def broken(_: web.Request) -> web.Response:
        return web.Response(status=502, text="bad gateway")

    async def number(_: web.Request) -> web.Response:
        return web.json_response(7)

    assert await failure(text) == "no answer of a worker at URL: JSONDecodeError"
    assert await failure(broken) == "URL says: HTTP 502"
    assert await failure(number) == "no answer of a worker at URL: TypeError"


@pytest.mark.parametrize("url", ["file:///etc/hostname", "localhost:6066"])
def test_a_url_is_of_http(url: str) -> None:
    with pytest.raises(Failed, match="expected http://HOST:PORT"):
        run_resume(Settings(), "magine", url)


def test_an_unknown_vendor_is_a_usage_error() -> None:
    done = run("resume", "nobody")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"invalid choice" in done.stderr
