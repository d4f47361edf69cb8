"""Keeps both tables of Rollcall in a database: SQLite, or PostgreSQL by psycopg.

    python sink.py 127.0.0.1:9092 users.sqlite
    python sink.py 127.0.0.1:9092 postgresql://sink@127.0.0.1/crm

One process reads both topics, without a group. Rows and positions are written in one transaction, so a crash
neither loses nor repeats anything.
"""

import asyncio
import json
import re
import sqlite3
import sys
from collections.abc import Mapping
from contextlib import closing
from pathlib import Path
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

TABLES: Final = {
    "rollcall-users-changelog": "user_rows",
    "rollcall-loyalty-changelog": "loyalty_rows",
}
_ESCAPE: Final = re.compile(rb"\\(?:u0000|.)")


def without_nul(row: bytes) -> str:
    r"""Returns the JSON of a row with U+FFFD instead of each U+0000, which no text in PostgreSQL may have.

    JSON has to escape this character. Each escape is taken whole, so `\\u0000`, a backslash and a u, stays.
    """
    return _ESCAPE.sub(lambda match: rb"\ufffd" if match[0] == rb"\u0000" else match[0], row).decode()


def is_object(row: bytes) -> bool:
    """Returns whether this is a JSON object, as every row is."""
    try:
        return isinstance(json.loads(row), dict)
    except (ValueError, RecursionError):
        return False


class Database:
    """The connection, and the statements in its own spelling."""

    def __init__(self, url: str) -> None:
        self._sign = "?"
        if url.startswith("postgresql:"):
            import psycopg

            self._connection: Any = psycopg.connect(url)
            self._sign = "%s"
        else:
            self._connection = sqlite3.connect(url)
        for statement in (Path(__file__).parent / "tables.sql").read_text("utf-8").split(";\n"):
            if statement.strip():
                self._execute(statement)
        self._connection.commit()

    def close(self) -> None:
        """Closes the connection; what is not committed is lost."""
        self._connection.close()

    def positions(self) -> dict[tuple[str, int], int]:
        """Returns the offsets from which to read on, by topic and partition."""
        found = self._execute("SELECT topic, part, next_offset FROM read_positions").fetchall()
        self._connection.commit()
        return {(topic, part): offset for topic, part, offset in found}

    def write(self, table: str, at: TopicPartition, records: list[ConsumerRecord]) -> None:
        """Writes the rows of one partition, and how far it was read, at once."""
        for record in records:
            self._write_row(table, record.key, record.value)
        self._execute(
            "INSERT INTO read_positions (topic, part, next_offset) VALUES (?, ?, ?)"
            " ON CONFLICT (topic, part) DO UPDATE SET next_offset = excluded.next_offset",
            (at.topic, at.partition, records[-1].offset + 1),
        )
        self._connection.commit()

    def _write_row(self, table: str, key: bytes | None, row: bytes | None) -> None:
        if key is None or (row is not None and not is_object(row)):
            return  # Somebody else wrote it, and a worker writes the right row over it.
        if row is None:
            self._execute(f"DELETE FROM {table} WHERE key = ?", (key.decode(),))
        else:
            upsert = "VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET doc = excluded.doc"
            self._execute(f"INSERT INTO {table} (key, doc) {upsert}", (key.decode(), without_nul(row)))

    def _execute(self, statement: str, values: tuple[Any, ...] = ()) -> Any:
        return self._connection.execute(statement.replace("?", self._sign), values)


async def run(url: str, tables: Mapping[str, str] = TABLES, *, once: bool = False, **options: Any) -> None:
    """Never returns, or with `once` when both topics are read to the ends that they had at the start."""
    with closing(Database(url)) as database:
        async with AIOKafkaConsumer(*tables, auto_offset_reset="earliest", **options) as consumer:
            for (topic, part), offset in database.positions().items():
                if topic in tables:
                    consumer.seek(TopicPartition(topic, part), offset)
            ends = await consumer.end_offsets(consumer.assignment())
            while not once or [at for at, end in ends.items() if await consumer.position(at) < end]:
                for at, records in (await consumer.getmany(timeout_ms=500)).items():
                    database.write(tables[at.topic], at, records)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[2], bootstrap_servers=sys.argv[1]))
