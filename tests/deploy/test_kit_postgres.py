"""The SQL of the kits' sink, with a PostgreSQL: PGlite, which is PostgreSQL itself, compiled for Node."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import sink
from app.embedded_kafka.properties import free_ports
from tests.deploy.tools import NODE_MODULES, missing, module, tool
from tests.kafka import create_topics, produce
from tests.waiting import wait_until

pytestmark = pytest.mark.deploy


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    """The URL of a database that is in memory."""
    server = NODE_MODULES / "@electric-sql/pglite-socket/dist/scripts/server.js"
    if not server.exists():
        missing("npm's @electric-sql/pglite-socket")
    (port,) = free_ports(1)
    said = tmp_path / "pglite.log"
    with said.open("wb") as log:
        # It may see the end of a connection after the next one has begun.
        where = (f"--port={port}", "--host=127.0.0.1", "--db=memory://", "--max-connections=5")
        command = [tool("node"), str(server), *where]
        running = subprocess.Popen(command, stdout=log, stderr=log)
    try:

        def listens() -> bool:
            assert running.poll() is None, said.read_text("utf-8")
            return "listening" in said.read_text("utf-8")

        wait_until(listens, "PGlite listens")
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres?sslmode=disable"
    finally:
        running.kill()
        running.wait()


async def test_rows_are_replaced_marked_and_removed_and_nul_is_no_obstacle(
    broker: str, unique: Callable[[str], str], postgres: str
) -> None:
    psycopg = module("psycopg")
    users, loyalty = unique("users"), unique("loyalty")
    create_topics(broker, {users: 2, loyalty: 2}, cleanup_policy="compact")
    tables = {users: "user_rows", loyalty: "loyalty_rows"}
    nul = {"sub": "a\0b\\u0000", "status": "active", "profile": {"email": "a@example.com"}}
    marker = {"sub": "gone", "status": "deleted"}

    def write(topic: str, *rows: tuple[str, Any]) -> None:
        produce(
            broker,
            topic,
            [(key.encode(), None if row is None else json.dumps(row).encode()) for key, row in rows],
        )

    write(users, ("nul", nul), ("marked", nul), ("buried", nul), ("foreign", []))
    write(
        loyalty, ("nul", {"reputation": {"value": 2**63 - 1}, "points": {"value": -5}}), ("empty", {"a": 1})
    )
    await sink.run(postgres, tables, once=True, bootstrap_servers=broker)
    write(users, ("marked", marker), ("buried", None), *((f"more-{number}", nul) for number in range(20)))
    await sink.run(postgres, tables, once=True, bootstrap_servers=broker)

    with psycopg.connect(postgres) as connection:
        found = connection.execute("SELECT key, sub, status, email FROM user_rows ORDER BY key").fetchall()
        assert [row for row in found if not row[0].startswith("more")] == [
            ("marked", "gone", "deleted", None),
            ("nul", "a\ufffdb\\u0000", "active", "a@example.com"),
        ]
        assert len(found) == 22
        found = connection.execute("SELECT key, reputation, points FROM loyalty_rows ORDER BY key").fetchall()
        assert found == [("empty", None, None), ("nul", 2**63 - 1, -5)]
        # What the kit replaces a NUL for.
        with pytest.raises(psycopg.errors.UntranslatableCharacter):
            connection.execute("INSERT INTO user_rows (key, doc) VALUES ('raw', %s)", (json.dumps(nul),))
