"""`rollcall resume` and the worker's answers to it. Tests with a real pause are in tests/integration."""

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession, web

from app.cli.resume import run_resume
from app.errors import CommandFailed
from app.http_access import is_loopback
from app.settings import Settings
from tests.cli.command import run
from tests.cli.http import LOCAL, answering, serve

pytestmark = pytest.mark.traced


async def test_the_worker_of_the_settings_is_asked(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve() as port:
        for host in (LOCAL, "0.0.0.0"):
            settings = Settings(http_host=host, http_port=port)
            assert await asyncio.to_thread(run_resume, settings, "magine", []) == 0
    assert capsys.readouterr().out == "magine is resumed: 3 partitions\n" * 2


@pytest.mark.parametrize(
    ("vendor", "problem"),
    [
        ("fynd", "the group is rebalancing, try again"),
        ("amity", "amity is not paused in this worker"),
        ("nobody", "no such vendor"),
        ("rocketchat", "rocketchat is not in VENDORS"),
    ],
)
async def test_a_no_is_one_line(vendor: str, problem: str) -> None:
    async with serve() as port:
        url = f"http://{LOCAL}:{port}"
        with pytest.raises(CommandFailed, match=f"^{url} says: {problem}$"):
            await asyncio.to_thread(run_resume, Settings(), vendor, [url + "/"])


async def test_a_page_in_a_browser_resumes_nothing() -> None:
    async with serve() as port, ClientSession(headers={"Origin": "http://localhost"}) as session:
        async with session.post(f"http://{LOCAL}:{port}/vendors/magine/resume") as answer:
            assert answer.status == 403
        async with session.get(f"http://{LOCAL}:{port}/vendors/magine/resume") as answer:
            assert answer.status == 405


async def failure(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
    """Returns the line of the command if it calls a server that is no worker."""
    async with answering(handler) as url:
        with pytest.raises(CommandFailed) as failed:
            await asyncio.to_thread(run_resume, Settings(), "magine", [url])
        return str(failed.value).replace(url, "URL")


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
    with pytest.raises(CommandFailed, match="expected http://HOST:PORT"):
        run_resume(Settings(), "magine", [url])


async def test_a_record_is_named_as_it_is_and_a_refusal_is_one_line() -> None:
    async with serve() as port:
        url = f"http://{LOCAL}:{port}"
        assert await asyncio.to_thread(run_resume, Settings(), "magine", [url], "t/1/2") == 0
        for other in ("t/1/3", "t/1/2&skip=", "t/1/2?x=#y", "t/1/2 "):
            with pytest.raises(CommandFailed, match=f"^{url} says: --skip: why$"):
                await asyncio.to_thread(run_resume, Settings(), "magine", [url], other)


def test_what_is_no_position_is_a_usage_error() -> None:
    done = run("resume", "events", "--skip", "users.events/1")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"expected TOPIC/PARTITION/OFFSET" in done.stderr


def test_an_unknown_vendor_is_a_usage_error() -> None:
    done = run("resume", "nobody")
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"invalid choice" in done.stderr


TOKEN = "s3cr3t-t0ken"


async def post(url: str, headers: dict[str, str]) -> tuple[int, str]:
    async with ClientSession() as session, session.post(url, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    "sent",
    [
        None,
        "",
        TOKEN,
        "Bearer",
        "Bearer ",
        f"Basic {TOKEN}",
        f"Bearer {TOKEN[:-1]}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN} x",
        f"Bearer{TOKEN}",
        "Bearer \u00fc",
    ],
)
async def test_with_a_token_nobody_is_answered_without_it(sent: str | None) -> None:
    async with serve(TOKEN) as port:
        headers = {} if sent is None else {"Authorization": sent}
        for path in ("/vendors/magine/resume", "/vendors/nobody/resume", "/healthz", "/nothing"):
            status, text = await post(f"http://{LOCAL}:{port}{path}", headers)
            assert (status, text) == (401, '{"problem": "the bearer token of HTTP_TOKEN is needed"}')
        async with ClientSession() as session:
            for path in ("/healthz", "/readyz", "/metrics"):
                async with session.get(f"http://{LOCAL}:{port}{path}", headers=headers) as answer:
                    assert answer.status == 200


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_with_the_token_a_peer_may_be_anywhere(scheme: str, far_away: None) -> None:
    async with serve(TOKEN) as port:
        sent = {"Authorization": f"{scheme} {TOKEN}", "X-Forwarded-For": "203.0.113.7"}
        assert (await post(f"http://{LOCAL}:{port}/vendors/magine/resume", sent))[0] == 200


@pytest.fixture
def far_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """Makes each peer look like one of another machine."""
    monkeypatch.setattr("app.http_access.is_loopback", lambda _address: False)


@pytest.mark.usefixtures("far_away")
async def test_without_a_token_another_machine_only_looks() -> None:
    async with serve() as port:
        for path in ("/vendors/magine/resume", "/vendors/nobody/resume", "/nothing"):
            status, text = await post(f"http://{LOCAL}:{port}{path}", {"Authorization": "Bearer x"})
            assert status == 403
            assert "only from the worker's own machine, unless HTTP_TOKEN is set" in text
        async with ClientSession() as session, session.get(f"http://{LOCAL}:{port}/healthz") as answer:
            assert answer.status == 200


@pytest.mark.parametrize("name", ["Forwarded", "via", "X-Forwarded-For", "X-Real-IP"])
async def test_whom_a_proxy_of_this_machine_speaks_for_is_another_machine(name: str) -> None:
    async with serve() as port:
        assert (await post(f"http://{LOCAL}:{port}/vendors/magine/resume", {name: LOCAL}))[0] == 403


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "CONNECT", "PROPFIND"])
async def test_whatever_is_not_a_look_needs_the_token(method: str) -> None:
    async with serve(TOKEN) as port, ClientSession() as session:
        url = f"http://{LOCAL}:{port}/vendors/magine/resume"
        async with session.request(method, url) as answer:
            assert answer.status == 401


@pytest.mark.parametrize(
    ("address", "local"),
    [
        ("127.0.0.1", True),
        ("127.8.9.1", True),
        ("::1", True),
        ("::ffff:127.0.0.1", True),
        ("::1%lo", True),
        ("10.0.0.1", False),
        ("0.0.0.0", False),
        ("::", False),
        ("::ffff:10.0.0.1", False),
        ("fe80::1%eth0", False),
        ("2001:db8::1", False),
        ("169.254.1.1", False),
        ("localhost", False),
        ("", False),
    ],
)
def test_loopback_is_judged_by_the_address(address: str, local: bool) -> None:
    assert is_loopback(address) is local


async def test_a_loopback_peer_of_each_family_is_answered() -> None:
    async with serve(host="::1") as port:
        assert (await post(f"http://[::1]:{port}/vendors/magine/resume", {}))[0] == 200
    async with serve(host="0.0.0.0") as port:
        assert (await post(f"http://{LOCAL}:{port}/vendors/magine/resume", {}))[0] == 200


async def test_the_command_sends_the_token_of_its_settings(capsys: pytest.CaptureFixture[str]) -> None:
    async with serve(TOKEN) as port:
        url = f"http://{LOCAL}:{port}"
        assert await asyncio.to_thread(run_resume, Settings(http_token=TOKEN), "magine", [url]) == 0
        for other in ("", TOKEN[1:]):
            with pytest.raises(CommandFailed) as failed:
                await asyncio.to_thread(run_resume, Settings(http_token=other), "magine", [url])
            assert str(failed.value) == f"{url} says: the bearer token of HTTP_TOKEN is needed"
    assert TOKEN not in capsys.readouterr().out


async def test_the_token_does_not_follow_a_redirection() -> None:
    seen = []

    async def elsewhere(request: web.Request) -> web.Response:
        seen.append(request.headers.get("Authorization"))
        if request.path == "/there":
            return web.json_response({"partitions": 1})
        raise web.HTTPFound("/there")

    async with answering(elsewhere) as url:
        await asyncio.to_thread(run_resume, Settings(http_token=TOKEN), "magine", [url])
    assert seen == [f"Bearer {TOKEN}", None]


async def test_a_worker_of_this_machine_is_not_asked_through_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    async with serve() as port:
        for urls in ([], [f"http://localhost:{port}"], [f"http://{LOCAL}:{port}"]):
            settings = Settings(http_port=port)
            assert await asyncio.to_thread(run_resume, settings, "magine", urls) == 0
