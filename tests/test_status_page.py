"""The page at `/`: small, with nothing from elsewhere. tests/deploy/test_page.py opens it in a browser."""

import re

from app.status_page import BODY, HEADERS
from tests.test_health import get, serve

LARGEST = 30_000


def test_the_page_is_small_and_names_no_other_server() -> None:
    assert len(BODY) <= LARGEST
    urls = set(re.findall(rb"(?:https?:)?//[a-z0-9.]+[^\s\"']*", BODY))
    assert urls == {b"http://www.w3.org/2000/svg"}


def test_only_the_page_s_own_script_and_style_may_run() -> None:
    policy = dict(each.split(" ", 1) for each in HEADERS["Content-Security-Policy"].split("; "))
    assert policy["default-src"] == "'none'"
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["script-src"])
    assert re.fullmatch(r"'sha256-[A-Za-z0-9+/]{43}='", policy["style-src"])
    assert policy["connect-src"] == "'self'"
    assert b" onclick" not in BODY
    assert b" style=" not in BODY


async def test_a_worker_serves_it_with_the_statuses_of_all_workers() -> None:
    async def workers() -> bytes:
        return b'{"workers":[]}'

    async with serve(workers=workers) as port:
        code, kind, text = await get(port, "/")
        assert (code, kind) == (200, "text/html; charset=utf-8")
        assert text.encode() == BODY
        assert await get(port, "/workers.json") == (200, "application/json", '{"workers":[]}')
