"""`rollcall import` and `rollcall reconcile` beside a worker: rows appear, and differences go."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from app.canonical import decode_event
from app.cli.main import main
from app.state import fold
from tests.integration.recount import CONTENT_TYPE
from tests.integration.worker import NOT_EXPELLED, Site
from tests.kafka import consume_all, produce
from tests.operator_tools.exports import EXPORTED, line
from tests.state.events import at
from tests.state.histories import encoded

MAGINE = EXPORTED["magine"]
OF_ACME = ("--vendor", "magine", "--tenant", "acme")


def file_of(folder: Path, name: str, *users: Any) -> str:
    (folder / name).write_bytes(b"\n".join(map(line, users)))
    return str(folder / name)


def rows_in(site: Site) -> dict[str, bytes | None]:
    found: dict[str, bytes | None] = {}
    for record in consume_all(site.broker, site.settings.changelogs[0]):
        assert record.key is not None
        found[record.key.decode()] = record.value
    return found


class Operator:
    """Runs commands in this process. Neither a name nor an address may be in what they say."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def run(self, *arguments: str, code: int = 0) -> str:
        """Returns standard output, or standard error of a command that fails."""
        self._capsys.readouterr()
        returned = main(arguments)
        said = self._capsys.readouterr()
        assert returned == code, said.err
        assert [word for word in ("ada", "@") if word in said.out + said.err] == []
        return said.out if code == 0 else said.err

    def keys(self, *arguments: str) -> Any:
        """Returns what a reconciliation found, and the keys of each finding that has some."""
        told = json.loads(self.run(*arguments, "--json", "--show-keys"))
        return told, {name: keys for name, keys in told["keys"].items() if keys}


def test_an_export_becomes_rows_and_what_differs_is_found_and_put_right(
    broker: str,
    unique: Callable[[str], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    site = Site(broker, unique, tmp_path, VENDORS="magine", **NOT_EXPELLED)
    site.create_vendor_topics()
    for name, value in site.variables.items():
        monkeypatch.setenv(name, value)
    operator = Operator(capsys)
    with site.worker() as worker:
        worker.wait_ready()
        assert_imported(site, operator, tmp_path)
        assert_reconciled(site, operator, tmp_path)
        worker.stop()


def assert_imported(site: Site, operator: Operator, folder: Path) -> None:
    ada, bo, cy = (MAGINE.user(sub, name, 0) for sub, name in (("u-1", "ada"), ("u-2", "bo"), ("u-3", "cy")))
    # Of the stream: one user who is deleted while the export is made, and one who comes after it.
    after = MAGINE.body({**cy, "userId": "u-4"}, 40, 0)
    bodies = [MAGINE.body(bo, 5, 0), MAGINE.deletion("u-2", 15), after]
    sent = [(b"k", line(body), [("tenant", b"acme")]) for body in bodies]
    produce(site.broker, site.settings.topic_of("magine"), sent)
    topic = site.settings.topic_events
    imported = ("import", *OF_ACME, "--as-of", at(10), file_of(folder, "first", ada, bo, cy))
    done = operator.run(*imported, "--rate", "1000")
    assert done == f"3 snapshots and 0 deletions of 3 lines written to {topic}\n"
    again = json.loads(operator.run(*imported, "--json"))
    assert (again["snapshots"], again["refused"]) == (3, {})
    site.wait_at_rest()

    records = consume_all(site.broker, topic)
    imports = [it for it in records if it.value and decode_event(it.value).id.startswith("import:")]
    assert len(imports) == 6
    assert len({decode_event(it.value or b"").id for it in imports}) == 3
    assert [it.headers for it in imports] == [[CONTENT_TYPE]] * 6
    homes = {it.key: it.partition for it in records}
    assert {(it.key, it.partition) for it in records} == set(homes.items())
    rows = fold(decode_event(it.value or b"") for it in records)
    assert rows_in(site) == {key: encoded(each)[0] for key, each in rows.items()}
    states = {key: msgspec.json.decode(row or b"null") for key, row in rows_in(site).items()}
    assert states["magine/acme/u-2"]["status"] == "deleted"
    assert states["magine/acme/u-1"]["profile"] == {"name": "ada", "email": "ada@example.com"}


def assert_reconciled(site: Site, operator: Operator, folder: Path) -> None:
    """The next export has another name of the first user, lacks the third one, and has a new one."""
    topic, before = site.settings.topic_events, len(consume_all(site.broker, site.settings.topic_events))
    ada = MAGINE.user("u-1", "ada", 0)
    file = file_of(folder, "second", {**ada, "name": "eve"}, {**ada, "userId": "u-5"})
    asked = ("reconcile", *OF_ACME, "--as-of", at(30), file)
    told = operator.run(*asked)
    assert "field profile.name: 1\n" in told
    assert "u-" not in told
    found, keys = operator.keys(*asked)
    assert keys == {
        "missing": ["magine/acme/u-5"],
        "gone": ["magine/acme/u-3"],
        "differing": ["magine/acme/u-1"],
    }
    assert (found["users"], found["rows"], found["seen_since"]) == (2, 3, 1)
    assert found["to_write"] == {"snapshots": 0, "deletions": 0}

    refused = operator.run(*asked, "--emit", code=1)
    assert refused == (
        f"rollcall: Write 2 snapshots and 0 deletions to {topic}? Nothing is written without --yes\n"
    )
    emit = (*asked, "--emit", "--yes")
    most = operator.run(*emit, "--emit-deletions", "--most-deletions", "0", code=1)
    assert most == "rollcall: nothing is written: they are 1, and --most-deletions is 0\n"
    assert len(consume_all(site.broker, topic)) == before
    told = operator.run(*emit)
    assert told.endswith(f"2 snapshots and 0 deletions written to {topic}\n")
    site.wait_at_rest()
    found, _ = operator.keys(*emit, "--emit-deletions")
    assert found["to_write"] == {"snapshots": 0, "deletions": 1}
    site.wait_at_rest()
    found, keys = operator.keys(*asked)
    assert (keys, found["rows"]) == ({}, 3)
