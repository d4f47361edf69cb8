"""The kits in Python as programs, and the lines with kcat of all pages, on a Kafka with topics of the usual
names."""

import json
import sqlite3
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from app.embedded_kafka import EmbeddedKafka
from app.embedded_kafka.properties import free_ports
from tests.cli.command import run as command
from tests.deploy.repository import ROOT
from tests.deploy.tools import tool
from tests.docs.pages import Block, blocks_of, pages
from tests.docs.shell import commands_of, run
from tests.kafka import consume_all, produce
from tests.kits.signing import SIGN
from tests.vendors.fixtures import fixtures_of
from tests.waiting import wait_until

pytestmark = [pytest.mark.deploy, pytest.mark.kafka]

KEY = "selfcommunity/default/42"
ROW = {"vendor": "selfcommunity", "tenant": "default", "sub": "42"}


def _lines() -> list[tuple[Block, str]]:
    return [
        (block, line)
        for page in pages()
        for block in blocks_of(page)
        for line in block.text.splitlines(keepends=True)
        if block.info == "sh kafka" and line.startswith("kcat ")
    ]


@pytest.fixture(scope="module")
def broker_with_rows() -> Iterator[str]:
    with EmbeddedKafka() as kafka:
        assert command("topics", "--create", ours={"BROKER_URL": kafka.bootstrap}).returncode == 0
        (event, *_) = [
            event
            for fixture in fixtures_of("selfcommunity")
            for event in fixture.outcome.get("events", [])
            if event["partitionkey"] == KEY
        ]
        produce(kafka.bootstrap, "users.events", [(KEY.encode(), json.dumps(event).encode())])
        headers = [("changed", b"*")]
        for topic in ("rollcall-users-changelog", "rollcall-loyalty-changelog"):
            produce(kafka.bootstrap, topic, [(KEY.encode(), json.dumps(ROW).encode(), headers)])
        yield kafka.bootstrap


@pytest.mark.parametrize("line", [line for _, line in _lines()], ids=[str(block) for block, _ in _lines()])
def test_a_line_shows_the_user(line: str, broker_with_rows: str, tmp_path: Path) -> None:
    tool("kcat")
    ((output, code),) = run(commands_of("sh", line), tmp_path, {"BROKER_URL": broker_with_rows})
    assert (code, KEY in output) == (0, True), output
    assert "%" not in output


@contextmanager
def started(kit: str, *arguments: str, said: Path) -> Iterator["subprocess.Popen[bytes]"]:
    """A kit as a program of its own, with its output in a file."""
    with said.open("wb") as out:
        command = [sys.executable, str(ROOT / "docs/kits" / kit), *arguments]
        running = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=out, stderr=out)
    try:
        yield running
    finally:
        running.kill()
        running.communicate()


def test_the_kits_run_as_programs(broker_with_rows: str, tmp_path: Path) -> None:
    broker, said, body = broker_with_rows, tmp_path / "said", b'{"data":{"userId":"u-1"}}'
    with started("producers.py", broker, "magine", "acme", "webhook-id=msg_1", said=said) as program:
        program.communicate(body)
        assert program.returncode == 0, said.read_text("utf-8")
    hooks, (port,) = tmp_path / "hooks.json", free_ports(1)
    hooks.write_text('{"fynd": "s3nt1nel"}', "utf-8")
    request = urllib.request.Request(f"http://127.0.0.1:{port}/fynd", body, SIGN["fynd"]("s3nt1nel", body, 0))

    def status() -> int:
        try:
            with urllib.request.urlopen(request) as response:
                return int(response.status)
        except urllib.error.URLError:
            return 0

    with started("receiver.py", broker, str(hooks), str(port), said=said):
        assert wait_until(status, "the receiver answers") == 204
    for vendor, headers in (
        ("magine", [("webhook-id", b"msg_1"), ("tenant", b"acme")]),
        ("fynd", [("x-fp-event-id", b"e-1")]),
    ):
        (record,) = consume_all(broker, f"vendor.{vendor}.users")
        assert (record.value, record.headers) == (body, headers)
    with started("consumer.py", broker, "my-group", said=said):
        wait_until(lambda: KEY in said.read_text("utf-8"), "the consumer prints an event")
    database = tmp_path / "users.sqlite"

    def rows() -> list[tuple[str]]:
        with closing(sqlite3.connect(database)) as connection:
            tables = connection.execute("SELECT name FROM sqlite_master").fetchall()
            if ("user_rows",) not in tables:
                return []
            return connection.execute("SELECT key FROM user_rows").fetchall()

    with started("sink/sink.py", broker, str(database), said=said):
        assert wait_until(rows, "the sink writes a row") == [(KEY,)]
