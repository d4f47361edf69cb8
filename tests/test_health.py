"""The HTTP server: what probes and Prometheus get, and what happens to an address that is taken."""

import socket
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager

import pytest
from aiohttp import ClientSession

from app.health import HttpServerFailed, http_server
from app.metrics import Metrics

LOCAL = "127.0.0.1"


def serve(
    *,
    host: str = LOCAL,
    port: int = 0,
    metrics: Metrics | None = None,
    refresh: Callable[[], None] = lambda: None,
    problems: Callable[[], list[str]] = list,
) -> AbstractAsyncContextManager[int]:
    return http_server(host, port, metrics or Metrics(), refresh, problems, nobody_is_held)


async def nobody_is_held(_vendor: str) -> int:
    return 0


async def get(port: int, path: str) -> tuple[int, str, str]:
    async with ClientSession() as session, session.get(f"http://{LOCAL}:{port}{path}") as answer:
        return answer.status, answer.headers["Content-Type"], await answer.text()


async def test_readiness_follows_the_problems() -> None:
    found = ["the group is rebalancing"]
    async with serve(problems=lambda: found) as port:
        status, kind, text = await get(port, "/readyz")
        assert (status, kind) == (503, "application/json; charset=utf-8")
        assert text == '{"status": "not ready", "problems": ["the group is rebalancing"]}'
        assert "rollcall_ready 0.0" in (await get(port, "/metrics"))[2]
        # A worker that is not ready is alive all the same: nobody should restart it for that.
        assert (await get(port, "/healthz"))[0] == 200
        found.clear()
        assert (await get(port, "/readyz"))[0] == 200
        assert "rollcall_ready 1.0" in (await get(port, "/metrics"))[2]


async def test_gauges_are_refreshed_before_each_scrape() -> None:
    metrics = Metrics()
    async with serve(metrics=metrics, refresh=metrics.commit_age.inc) as port:
        for age in (1.0, 2.0):
            status, kind, text = await get(port, "/metrics")
            assert (status, kind.partition(";")[0]) == (200, "text/plain")
            assert f"rollcall_commit_age_seconds {age}" in text


async def test_nothing_else_is_served() -> None:
    async with serve() as port:
        for path in ("/", "/tables", "/metrics/x"):
            assert (await get(port, path))[0] == 404


async def test_the_port_is_free_again_afterwards() -> None:
    async with serve() as port:
        pass
    async with serve(port=port) as again:
        assert again == port


async def test_an_address_that_is_taken_is_one_line() -> None:
    with socket.socket() as taken:
        taken.bind((LOCAL, 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(
            HttpServerFailed, match=rf"^cannot listen on {LOCAL}:{port}: Address already in use$"
        ):
            async with serve(port=port):
                pytest.fail("it listens")


async def test_a_host_that_is_nobodys_is_one_line() -> None:
    with pytest.raises(HttpServerFailed, match=r"^cannot listen on nobody\.invalid:0: "):
        async with serve(host="nobody.invalid"):
            pytest.fail("it listens")
