"""The HTTP server: what probes and Prometheus get, its limits, and what it says if its address is in use."""

import asyncio
import json
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import ClientSession

from app import http_limits
from app.engine import RestoreReport
from app.errors import HttpServerFailed
from app.health import Answers, http_server
from app.http_limits import HEAD_LINE_BYTES, LINES_A_MINUTE, MOST_CONNECTIONS
from app.metrics import Metrics
from tests.waiting import async_wait_until

LOCAL = "127.0.0.1"


def serve(
    *, host: str = LOCAL, port: int = 0, metrics: Metrics | None = None, token: str = "", **answers: Any
) -> AbstractAsyncContextManager[int]:
    """Returns the server of a worker that is ready and of which nothing is paused, but for `answers`."""
    worker = Answers(
        refresh=lambda: None,
        problems=list,
        stuck=list,
        restore=lambda: None,
        status=lambda: b"{}",
        workers=no_others,
        pause=nobody_is_paused,
        resume=nobody_is_paused,
    )
    return http_server(host, port, metrics or Metrics(), replace(worker, **answers), token)


async def no_others() -> bytes:
    return b'{"workers":[]}'


async def nobody_is_paused(_vendor: str, _skip: str) -> int:
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
        # A worker that is not ready is alive: an orchestrator must not restart it.
        assert (await get(port, "/healthz"))[0] == 200
        found.clear()
        assert (await get(port, "/readyz"))[0] == 200
        assert "rollcall_ready 1.0" in (await get(port, "/metrics"))[2]


async def test_readiness_says_how_far_a_restore_is() -> None:
    reports = [RestoreReport(0, 300, None), RestoreReport(120, 180, 1.5)]
    async with serve(problems=lambda: ["the tables are being restored"], restore=lambda: reports[-1]) as port:
        answer = json.loads((await get(port, "/readyz"))[2])
        assert answer["restore"] == {"rows_read": 120, "rows_to_go": 180, "seconds_left": 1.5}
        reports.pop()
        answer = json.loads((await get(port, "/readyz"))[2])
        assert answer["restore"] == {"rows_read": 0, "rows_to_go": 300, "seconds_left": None}


async def test_gauges_are_refreshed_before_each_scrape() -> None:
    metrics = Metrics()
    async with serve(metrics=metrics, refresh=metrics.commit_age.inc) as port:
        for age in (1.0, 2.0):
            status, kind, text = await get(port, "/metrics")
            assert (status, kind.partition(";")[0]) == (200, "text/plain")
            assert f"rollcall_commit_age_seconds {age}" in text


async def test_a_stuck_worker_is_not_alive() -> None:
    found: list[str] = []
    async with serve(stuck=lambda: found) as port:
        assert await get(port, "/healthz") == (200, "application/json; charset=utf-8", '{"status": "ok"}')
        found.append("the group has not answered for 71 s, although brokers answer")
        status, _, text = await get(port, "/healthz")
        assert (status, json.loads(text)) == (503, {"status": "stuck", "problems": found})


async def test_the_status_is_json() -> None:
    async with serve(status=lambda: b'{"ready":true}') as port:
        status, kind, text = await get(port, "/status.json")
        assert (status, kind.partition(";")[0], text) == (200, "application/json", '{"ready":true}')


async def test_nothing_else_is_served() -> None:
    async with serve() as port:
        for path in ("/tables", "/metrics/x", "/workers"):
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


SECRET = "s3nt1nel"
FLOOD = 1_100

# A peer sends one of these and then nothing more.
UNFINISHED = {
    "nothing": b"",
    "half a line": b"GET /healthz HT",
    "a line": b"GET /healthz HTTP/1.1\r\n",
    "half a head": b"GET /healthz HTTP/1.1\r\nHost: x\r\nX-A: b",
    "a head without its end": b"POST /vendors/magine/resume HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n",
}


def head(line: str, *fields: str) -> bytes:
    return "\r\n".join([f"{line} HTTP/1.1", "Host: x", *fields, "", ""]).encode()


SCRAPE = head("GET /metrics")
RESUME = head("POST /vendors/magine/resume")
# A peer sends one of these complete heads, and then does nothing that would end the connection.
COMPLETE = {
    "an answer that nobody reads": SCRAPE,
    "many answers that nobody reads": SCRAPE * 50,
    "a body that never comes": head("POST /vendors/magine/resume", "Content-Length: 9"),
    "a body that never ends": head("POST /healthz", "Transfer-Encoding: chunked") + b"1\r\na\r\n",
    "a body that is asked for": head("POST /healthz", "Expect: 100-continue", "Content-Length: 9"),
    "an upgrade": head("GET /healthz", "Connection: Upgrade", "Upgrade: websocket"),
    "an idle connection": head("GET /healthz", "Connection: keep-alive"),
}


class Peers:
    """Sockets that stay open on this side until the end of a test. They read only if a test asks them to."""

    def __init__(self) -> None:
        self.sockets: list[socket.socket] = []

    async def connect(self, port: int, sent: bytes = b"") -> socket.socket:
        peer = socket.socket()
        self.sockets.append(peer)
        peer.setblocking(False)
        # So small that a large answer does not fit into the buffers of the kernel.
        peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
        loop = asyncio.get_running_loop()
        await loop.sock_connect(peer, (LOCAL, port))
        if sent:
            await loop.sock_sendall(peer, sent)
        return peer


@pytest.fixture
def peers() -> Iterator[Peers]:
    found = Peers()
    yield found
    for each in found.sockets:
        each.close()


async def all_of(peer: socket.socket) -> bytes:
    """Returns everything that the server sends until it ends the connection."""
    found = b""
    try:
        while part := await asyncio.get_running_loop().sock_recv(peer, 65536):
            found += part
    except ConnectionError:
        pass
    return found


@asynccontextmanager
async def counted(monkeypatch: pytest.MonkeyPatch, **options: Any) -> AsyncIterator[tuple[int, list[int]]]:
    """Gives the port, and the number of open connections each time that one was accepted."""
    seen: list[int] = []
    add = http_limits.Connections.add

    def counting(self: http_limits.Connections, connection: http_limits.Connection) -> None:
        add(self, connection)
        seen.append(len(self))

    monkeypatch.setattr(http_limits.Connections, "add", counting)
    async with serve(**options) as port:
        yield port, seen


def big_metrics() -> Metrics:
    """Returns metrics whose text has some megabytes, which fit into no buffer."""
    metrics = Metrics()
    for number in range(200):
        metrics.not_mapped.labels("magine", f"{number:010000}")
    return metrics


@pytest.mark.parametrize("sent", [*UNFINISHED.values()], ids=[*UNFINISHED])
async def test_half_sent_requests_do_not_silence_probes(
    sent: bytes, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counted(monkeypatch) as (port, open_at_once):
        for number in range(FLOOD):
            await peers.connect(port, sent)
            if number % 100 == 0:
                assert (await get(port, "/healthz"))[0] == 200
        assert (await get(port, "/healthz"))[0] == 200
        assert max(open_at_once) == MOST_CONNECTIONS


@pytest.mark.parametrize(
    "sent",
    [
        # What is not read takes seconds of CPU to make.
        pytest.param(sent, marks=pytest.mark.thorough if SCRAPE in sent else (), id=name)
        for name, sent in COMPLETE.items()
    ],
)
async def test_peers_that_do_not_go_on_do_not_silence_probes(
    sent: bytes, peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with counted(monkeypatch, metrics=big_metrics()) as (port, open_at_once):
        for _ in range(3 * MOST_CONNECTIONS):
            await peers.connect(port, sent)
        assert (await get(port, "/healthz"))[0] == 200
        assert max(open_at_once) <= MOST_CONNECTIONS


async def test_the_oldest_without_a_complete_head_makes_room(peers: Peers) -> None:
    go_on = asyncio.Event()

    async def slow(_vendor: str, _skip: str) -> int:
        await go_on.wait()
        return 3

    async with serve(resume=slow) as port:
        first = await peers.connect(port, RESUME)
        second = await peers.connect(port, b"GET /healthz")
        third = await peers.connect(port, b"GET /healthz")
        for _ in range(MOST_CONNECTIONS - 2):
            await peers.connect(port)
        assert await all_of(second) == b""
        await asyncio.get_running_loop().sock_sendall(third, b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b"200 OK" in await all_of(third)
        go_on.set()
        assert b'{"partitions": 3}' in await all_of(first)


@pytest.mark.thorough
async def test_room_is_made_even_if_all_wait_for_their_answer(peers: Peers) -> None:
    """Only an operator can send such requests. A probe has to be answered all the same."""

    async def never(_vendor: str, _skip: str) -> int:
        await asyncio.Event().wait()
        return 0

    async with serve(resume=never) as port:
        for _ in range(MOST_CONNECTIONS):
            await peers.connect(port, RESUME)
        assert (await get(port, "/healthz"))[0] == 200


@pytest.mark.parametrize(
    "drip", [b"", b"X-A: b\r\n", b"G"], ids=["silent", "a header each time", "a letter each time"]
)
async def test_a_head_has_a_time_limit(drip: bytes, peers: Peers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_limits, "HEAD_SECONDS", 0.3)
    async with serve() as port:
        start = b"" if drip == b"G" else b"GET /healthz HTTP/1.1\r\n"
        peer = await peers.connect(port, start)
        ended = asyncio.create_task(all_of(peer))

        async def closed() -> bool:
            if drip and not ended.done():
                with suppress(OSError):
                    await asyncio.get_running_loop().sock_sendall(peer, drip)
            return ended.done()

        await async_wait_until(closed, "the connection is closed")
        assert b"200" not in await ended


async def test_the_limit_of_a_head_is_five_seconds() -> None:
    assert http_limits.HEAD_SECONDS == 5.0
    assert MOST_CONNECTIONS == 32


async def test_an_answer_that_nobody_reads_has_a_time_limit(
    peers: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http_limits, "ANSWER_SECONDS", 0.3)
    ended = asyncio.Event()
    lost = http_limits.Connection.connection_lost

    def losing(self: http_limits.Connection, exc: Exception | None) -> None:
        lost(self, exc)
        ended.set()

    monkeypatch.setattr(http_limits.Connection, "connection_lost", losing)
    async with serve(metrics=big_metrics()) as port:
        await peers.connect(port, SCRAPE)
        async with asyncio.timeout(30):
            await ended.wait()


async def test_a_slow_answer_is_complete(peers: Peers) -> None:
    async with serve(metrics=big_metrics()) as port:
        peer = await peers.connect(port, SCRAPE)
        answer = await all_of(peer)
        fields, _, body = answer.partition(b"\r\n\r\n")
        assert f"Content-Length: {len(body)}".encode() in fields
        assert len(body) > 2_000_000


@pytest.mark.parametrize(
    "sent",
    [
        b"GET /" + b"a" * (HEAD_LINE_BYTES + 1) + b" HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: " + b"a" * (HEAD_LINE_BYTES + 1) + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + b"X-A: b\r\n" * 1_000 + b"\r\n",
    ],
    ids=["line", "header", "headers"],
)
async def test_a_head_has_a_size_limit(sent: bytes, peers: Peers) -> None:
    async with serve() as port:
        peer = await peers.connect(port, sent)
        assert (await all_of(peer)).startswith(b"HTTP/1.0 400 ")


MALFORMED = [
    SECRET.encode() + b"\r\n\r\n",
    b"GET /" + SECRET.encode() + b" HTTP/9.9\r\n\r\n",
    b"GET / HTTP/1.1\r\n" + SECRET.encode() + b"\r\n\r\n",
    b"GET / HTTP/1.1\r\nContent-Length: " + SECRET.encode() + b"\r\n\r\n",
    b"\x16\x03\x01" + SECRET.encode() + b"\r\n\r\n",
    b"GET http://[" + SECRET.encode() + b"/ HTTP/1.1\r\n\r\n",
]


async def test_many_malformed_requests_write_a_few_lines(
    peers: Peers, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    async with serve() as port:
        for _ in range(50):
            for sent in MALFORMED:
                await all_of(await peers.connect(port, sent))
    lines = [record for record in caplog.records if not record.name.startswith("asyncio")]
    assert 0 < len(lines) <= LINES_A_MINUTE + 1
    assert all(record.levelno <= logging.WARNING and record.exc_info is None for record in lines)
    assert (
        lines[-1].getMessage()
        == f"{50 * len(MALFORMED) - LINES_A_MINUTE} more lines like these were not logged"
    )
    assert SECRET not in caplog.text


async def test_after_a_minute_there_are_lines_again(peers: Peers, caplog: pytest.LogCaptureFixture) -> None:
    few = http_limits.FewLines(2, 0.3)
    log = logging.getLogger("app.http")
    log.addFilter(few)
    try:
        for _ in range(5):
            log.warning("closed")
        assert [record.getMessage() for record in caplog.records] == ["closed"] * 2

        async def told() -> bool:
            return len(caplog.records) == 3

        await async_wait_until(told, "the number of lines that were left out")
        assert caplog.records[2].getMessage() == "3 more lines like these were not logged"
        log.warning("again")
        assert caplog.records[3].getMessage() == "again"
    finally:
        log.removeFilter(few)
        few.report()


async def test_a_failure_of_ours_is_an_error_with_its_place(caplog: pytest.LogCaptureFixture) -> None:
    def broken() -> None:
        raise ZeroDivisionError

    async with serve(refresh=broken) as port:
        assert (await get(port, "/metrics"))[0] == 500
    assert [record.levelno for record in caplog.records] == [logging.ERROR]
    assert caplog.records[0].exc_info
