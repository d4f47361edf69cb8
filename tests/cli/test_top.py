"""`rollcall top` asks workers for their status."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from io import StringIO

import msgspec
import pytest
from aiohttp import web
from msgspec.structs import replace
from rich.console import Console

from app.cli.top import run_top
from app.embedded_kafka.properties import free_ports
from app.errors import CommandFailed
from app.settings import Settings
from app.status import Status
from tests.cli.command import run
from tests.cli.http import LOCAL, answering
from tests.top.test_totals import partition, status, topic

pytestmark = pytest.mark.traced

SETTINGS = Settings(http_token="t")
MAGINE = topic("magine", partition(0, lag=3))


@asynccontextmanager
async def workers(*statuses: Status) -> AsyncIterator[list[str]]:
    """Gives the addresses of servers that answer with these."""

    def answer(each: Status) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def handler(request: web.Request) -> web.StreamResponse:
            assert (request.method, request.path) == ("GET", "/status.json")
            # A look needs no token, so none is sent to whatever listens there.
            assert "Authorization" not in request.headers
            body = msgspec.json.encode(each)[:-1] + b',"of_a_later_version":1}'
            return web.Response(body=body, content_type="application/json")

        return handler

    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(answering(answer(each))) for each in statuses]


async def top(*urls: str, once: bool = True, as_json: bool = False, settings: Settings = SETTINGS) -> int:
    return await asyncio.to_thread(run_top, settings, urls, once=once, as_json=as_json, interval=0.2)


async def test_workers_are_shown_once(capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(status(MAGINE), instance="rollcall-2")
    async with workers(status(MAGINE), other) as urls:
        for once in (True, False):  # the output is no terminal
            assert await top(*urls, once=once) == 0
            said = capsys.readouterr().out
            assert said.startswith("group rollcall: 2 of 2 workers\n")
            assert all(name in said for name in ("rollcall-1", "rollcall-2", "magine"))
        # An address that is named twice is one worker.
        assert await top(urls[0], urls[0]) == 0
        assert "1 of 1 workers" in capsys.readouterr().out
        assert await top(settings=Settings(http_port=int(urls[1].rpartition(":")[2]))) == 0
        assert "rollcall-2" in capsys.readouterr().out


async def test_as_json_each_worker_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(status(), instance="rollcall-2")
    async with workers(status(MAGINE), other) as urls:
        assert await top(*urls, as_json=True) == 0
    one, two = map(json.loads, capsys.readouterr().out.splitlines())
    assert one == msgspec.to_builtins(status(MAGINE))
    assert two["instance"] == "rollcall-2"


async def test_a_worker_that_does_not_answer_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    nobody = f"http://{LOCAL}:{free_ports(1)[0]}"
    problem = f"no answer of a worker at {nobody}: Connection refused"
    async with workers(status()) as urls:
        for as_json in (False, True):
            with pytest.raises(CommandFailed) as failed:
                await top(nobody, *urls, as_json=as_json)
            assert str(failed.value) == problem
            assert "rollcall-1" in capsys.readouterr().out
    done = run("top", "--url", nobody)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"rollcall: {problem}\n"


@pytest.mark.parametrize("body", [b"", b"{}", b"[]", b"\xff", b'{"version":1}'])
async def test_what_is_no_status_is_one_line(body: bytes) -> None:
    async def other(_: web.Request) -> web.Response:
        return web.Response(body=body)

    async with answering(other) as url:
        with pytest.raises(
            CommandFailed, match=f"^no answer of a worker at {url}: (Decode|Validation)Error$"
        ):
            await top(url)


async def test_a_terminal_is_drawn_until_ctrl_c(monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer makes a rate; at the third the worker is gone, and the picture says so."""
    answers = [status(MAGINE, received=100), status(MAGINE, received=1_100, seconds=62.0)]
    written = StringIO()
    console = Console(file=written, force_terminal=True, width=160, height=40)
    monkeypatch.setattr("app.cli.top.Console", lambda **_: console)
    monkeypatch.setattr("app.cli.top.time.sleep", lambda _: None)

    async def worker(_: web.Request) -> web.Response:
        if answers:
            return web.Response(body=msgspec.json.encode(answers.pop(0)))
        monkeypatch.setattr("app.cli.top.time.sleep", interrupt)
        return web.Response(status=502)

    def interrupt(_: float) -> None:
        raise KeyboardInterrupt

    async with answering(worker) as url:
        assert await top(url, once=False) == 0
    first, second, *_, last = written.getvalue().split("group ")[1:]
    assert "500" not in first
    assert "500" in second
    assert f"{url} says: HTTP 502" in last


@pytest.mark.parametrize("interval", ["0", "0.1", "nan", "3601", "soon"])
def test_an_interval_is_some_seconds(interval: str) -> None:
    done = run("top", "--interval", interval)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"expected seconds from 0.2 to 3600" in done.stderr
