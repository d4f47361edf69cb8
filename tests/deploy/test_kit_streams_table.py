"""The Kafka Streams kit: it builds, and prints what becomes of each user of a changelog on a real Kafka."""

import json
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.deploy.repository import ROOT
from tests.deploy.tools import must, tool
from tests.kafka import create_topics, produce, topic_names
from tests.waiting import GIVE_UP_SECONDS, wait_until

pytestmark = pytest.mark.deploy


def row(**members: object) -> bytes:
    return json.dumps({"vendor": "magine", "tenant": "acme", **members}).encode()


def user(email: str) -> bytes:
    return row(status="active", profile={"email": email})


def test_it_follows_rows_markers_and_tombstones(
    broker: str, unique: Callable[[str], str], tmp_path: Path
) -> None:
    java, maven = tool("java"), tool("mvn")
    tool("javac")
    kit = tmp_path / "kit"
    shutil.copytree(ROOT / "docs/kits/streams-table", kit, ignore=shutil.ignore_patterns("target"))
    must(maven, "-q", "-B", "-f", kit / "pom.xml", "process-classes")

    topic, application = unique("users-changelog"), unique("streams")
    create_topics(broker, {topic: 3}, cleanup_policy="compact")
    first = [(b"moved", user("old@example.com")), (b"marked", user("m@example.com")), (b"kept", row())]
    produce(broker, topic, [*first, (b"foreign", b"no json"), (b"buried", user("b@example.com"))])
    output = tmp_path / "said"
    with output.open("wb") as out, (tmp_path / "log").open("wb") as log:
        libraries = f"{kit / 'target/classes'}:{kit / 'target/lib'}/*"
        options = [
            "-XX:TieredStopAtLevel=1",
            "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
            "-cp",
            libraries,
        ]
        arguments = [broker, topic, application, str(tmp_path / "state")]
        running = subprocess.Popen(
            [java, *options, "rollcall.UsersTable", *arguments], stdout=out, stderr=log
        )

    def shows(expected: dict[str, list[str]]) -> bool:
        assert running.poll() is None, (tmp_path / "log").read_text("utf-8")
        found: dict[str, list[str]] = {}
        for line in output.read_text("utf-8").splitlines():
            key, _, change = line.partition("\t")
            found.setdefault(key, []).append(change)
        return found == expected

    try:
        said = {
            "moved": ["old@example.com"],
            "marked": ["m@example.com"],
            "kept": ["-"],
            "buried": ["b@example.com"],
        }
        wait_until(lambda: shows(said), "the first rows")
        # A deletion is told once, and so is a user who comes back.
        produce(
            broker, topic, [(b"marked", row(status="deleted")), (b"marked", None), (b"marked", user("again"))]
        )
        produce(
            broker, topic, [(b"moved", user("new@example.com")), (b"buried", None), (b"buried", user("b"))]
        )
        for key, changes in {
            "moved": ["new@example.com"],
            "marked": ["gone", "again"],
            "buried": ["gone", "b"],
        }.items():
            said[key] += changes
        wait_until(lambda: shows(said), "the changes")
        # It restores its table from the topic that it reads.
        assert [name for name in topic_names(broker) if name.startswith(application)] == []
    finally:
        running.send_signal(signal.SIGTERM)
        running.wait(GIVE_UP_SECONDS)
