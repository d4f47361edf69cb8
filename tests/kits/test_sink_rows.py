"""The SQL of the kits' sink, with SQLite."""

import json
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from app.settings import Settings
from sink import TABLES, Database, without_nul

USERS = TopicPartition("rollcall-users-changelog", 0)


class Row(NamedTuple):
    offset: int
    key: bytes | None
    value: bytes | None


def test_the_topics_are_those_of_a_worker_with_its_default_settings() -> None:
    assert tuple(TABLES) == Settings().changelogs


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("a\0b\0\0", "a\ufffdb\ufffd\ufffd"),
        ("\\u0000 \\\0", "\\u0000 \\\ufffd"),
        ('"\n\u00e9\u20ac', '"\n\u00e9\u20ac'),
    ],
)
@pytest.mark.parametrize("ascii_only", [True, False])
def test_only_the_nul_is_replaced(text: str, clean: str, ascii_only: bool) -> None:
    row = json.dumps({"a": text, text: [text]}, ensure_ascii=ascii_only).encode()
    assert json.loads(without_nul(row)) == {"a": clean, clean: [clean]}


def test_rows_are_replaced_marked_and_removed(tmp_path: Path) -> None:
    file = str(tmp_path / "users.sqlite")
    database = Database(file)
    ada = {"vendor": "magine", "tenant": "acme", "sub": "a\0b", "profile": {"email": "a@example.com"}}
    marker = {"vendor": "magine", "tenant": "acme", "sub": "gone", "status": "deleted"}

    def rows(*values: Any) -> list[Any]:
        records = [
            Row(
                offset,
                key,
                value if value is None or isinstance(value, bytes) else json.dumps(value).encode(),
            )
            for offset, (key, value) in enumerate(values)
        ]
        database.write("user_rows", USERS, records)
        return list(database._execute("SELECT key, sub, status, email FROM user_rows ORDER BY key"))

    assert rows((b"k1", ada), (b"k2", ada), (b"k3", ada)) == [
        (key, "a\ufffdb", None, "a@example.com") for key in ("k1", "k2", "k3")
    ]
    newer = {**ada, "status": "blocked", "profile": {}}
    foreign = (b"not json", b"[]", b"")
    assert rows((b"k1", newer), (b"k2", marker), (b"k3", None), *((b"k1", each) for each in foreign)) == [
        ("k1", "a\ufffdb", "blocked", None),
        ("k2", "gone", "deleted", None),
    ]
    assert rows((None, ada), (b"no such key", None))[0][0] == "k1"
    database.close()
    with closing(Database(file)) as opened_again:
        assert opened_again.positions() == {(USERS.topic, 0): 2}
