"""What a worker says of the others in WORKER_URLS, whatever they answer."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from app.embedded_kafka.properties import free_ports
from app.worker_statuses import KEPT_SECONDS, StatusReader


def status(instance: str) -> bytes:
    # A worker of another version may have other members beside this one.
    return json.dumps({"instance": instance, "ready": True}).encode()


class Other:
    """Another worker, or what answers in its place."""

    def __init__(self, body: bytes, code: int = 200) -> None:
        self.body, self.code, self.asked = body, code, 0

    async def answer(self, _: web.Request) -> web.Response:
        self.asked += 1
        return web.Response(body=self.body, status=self.code)


@asynccontextmanager
async def serving(other: Other) -> AsyncIterator[str]:
    application = web.Application()
    application.add_routes([web.get("/status.json", other.answer)])
    runner = web.AppRunner(application)
    await runner.setup()
    try:
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        yield f"http://{host}:{port}"
    finally:
        await runner.cleanup()


async def answers(reader: StatusReader) -> list[dict[str, Any]]:
    return list(json.loads(await reader.body())["workers"])


async def test_without_others_it_is_this_worker_alone() -> None:
    (own,) = await answers(StatusReader(lambda: status("a"), []))
    assert (own["url"], own["status"]["instance"], own["problem"]) == ("", "a", None)


async def test_another_worker_is_asked_once_a_second_however_many_ask_this_one() -> None:
    now = 0.0
    other = Other(status("b"))
    async with serving(other) as url:
        reader = StatusReader(lambda: status("a"), [url], lambda: now)
        for found in await asyncio.gather(*(answers(reader) for _ in range(20))):
            assert [each["status"]["instance"] for each in found] == ["a", "b"]
        assert other.asked == 1
        now += KEPT_SECONDS
        await reader.body()
        assert other.asked == 2


async def test_a_worker_that_is_in_its_own_list_is_there_once() -> None:
    async with serving(Other(status("a"))) as url:
        assert len(await answers(StatusReader(lambda: status("a"), [url]))) == 1


@pytest.mark.parametrize(
    ("other", "problem"),
    [
        (Other(b"", 503), "it answers with the status 503"),
        (Other(b"", 302), "it answers with the status 302"),
        (Other(b"<html>"), "it answers with something else than a status"),
        (Other(b'{"version": 3}'), "it answers with something else than a status"),
        (Other(b" " * (1 << 21)), "its status is too large"),
    ],
    ids=["503", "302", "no JSON", "no status", "too large"],
)
async def test_what_is_no_status_is_a_problem(other: Other, problem: str) -> None:
    async with serving(other) as url:
        found = (await answers(StatusReader(lambda: status("a"), [url])))[1]
    assert found == {"url": url, "status": None, "problem": problem}


async def test_a_worker_that_is_gone_is_a_problem() -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}"
    found = (await answers(StatusReader(lambda: status("a"), [url])))[1]
    assert found["problem"] == "it does not answer"
