"""`rollcall schema` as a process."""

import json
from pathlib import Path

from app.schemas.schema_names import NAMES, file_of
from tests.cli.command import run


def test_a_name_prints_its_document_with_the_topics_of_the_settings() -> None:
    printed = run("schema", "asyncapi", ours={"TOPIC_EVENTS": "crm.users"})
    assert (printed.returncode, printed.stderr) == (0, b"")
    assert json.loads(printed.stdout)["channels"]["events"]["address"] == "crm.users"


def test_all_documents_are_written_whole_and_nothing_else_is_left(tmp_path: Path) -> None:
    folder = tmp_path / "new/schemas"
    written = run("schema", "--into", str(folder))
    assert (written.returncode, written.stderr) == (0, b"")
    assert sorted(path.name for path in folder.iterdir()) == sorted(map(file_of, NAMES))
    assert written.stdout.decode().splitlines() == [str(folder / file_of(name)) for name in NAMES]
    for path in folder.iterdir():
        json.loads(path.read_text("utf-8"))
    assert run("schema", "event").stdout == (folder / "event.schema.json").read_bytes()


def test_the_list_has_the_names() -> None:
    listed = run("schema", "--list")
    assert (listed.returncode, listed.stdout.decode().split()) == (0, list(NAMES))


def test_a_folder_that_cannot_be_written_is_named_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    refused = run("schema", "--into", str(tmp_path / "file"))
    assert (refused.returncode, refused.stdout) == (1, b"")
    line = f"rollcall: cannot write {tmp_path}/file/selfcommunity-body.schema.json: "
    assert refused.stderr.decode().startswith(line)
    assert len(refused.stderr.splitlines()) == 1


def test_wrong_usage_is_refused() -> None:
    for arguments in ((), ("no-such-document",), ("event", "--list")):
        assert run("schema", *arguments).returncode == 2
    shown = run("schema", "--help").stdout.decode()
    assert "example:\n  rollcall schema --into docs/schemas" in shown
