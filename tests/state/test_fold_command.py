"""`rollcall fold`, from outside."""

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from app.canonical import Event, encode_event
from app.cli.fold import run_fold
from tests.state.events import deleted, full, partial, score


def lines(*events: Event) -> bytes:
    return b"".join(encode_event(it) + b"\n" for it in events)


def fold(stdin: bytes, rows: Path | None = None) -> tuple[int, bytes, str]:
    stdout, stderr = io.BytesIO(), io.StringIO()
    code = run_fold(None if rows is None else str(rows), io.BytesIO(stdin), stdout, stderr)
    return code, stdout.getvalue(), stderr.getvalue()


def rows_of(stdout: bytes) -> dict[str, Any]:
    return {row["key"]: row for row in map(json.loads, stdout.splitlines())}


def test_one_line_a_key_sorted_by_key() -> None:
    history = [full(1, sub="b"), full(1, sub="a"), score(2, sub="b"), deleted(1, sub="é"), full(1, sub="Z")]
    code, stdout, stderr = fold(lines(*history))
    assert (code, stderr) == (0, "")
    read = [json.loads(line) for line in stdout.splitlines()]
    assert [list(row) for row in read] == [["key", "user", "loyalty"]] * 4
    assert [row["key"] for row in read] == [f"magine/acme/{sub}" for sub in ("Z", "a", "b", "é")]
    assert [row["loyalty"] is None for row in read] == [True, True, False, True]
    assert read[3]["user"]["status"] == "deleted"


def test_nothing_in_gives_nothing_out() -> None:
    assert fold(b"") == (0, b"", "")


def test_the_last_line_needs_no_end() -> None:
    assert fold(lines(full(1)).rstrip()) == fold(lines(full(1)))


def test_unknown_members_are_ignored() -> None:
    event = json.loads(encode_event(full(1)))
    event["extension"] = {"a": [1]}
    event["data"]["extension"] = 1
    assert fold(json.dumps(event).encode()) == fold(lines(full(1)))


@pytest.mark.parametrize("bad", [b"", b"PII", b"{}", b"[]", b"\xff", b'{"specversion":"1.0","id":"PII"}'])
def test_a_bad_line_is_refused_by_its_number_without_output(bad: bytes) -> None:
    code, stdout, stderr = fold(lines(full(1)) + bad + b"\n" + lines(full(2)))
    assert (code, stdout) == (1, b"")
    assert stderr.startswith("rollcall: line 2 is no canonical event: ")
    assert stderr.count("\n") == 1
    assert "PII" not in stderr


NEEDED = ("specversion", "id", "type", "time", "partitionkey", "vendor", "tenant", "data")


@pytest.mark.parametrize("member", NEEDED)
def test_every_needed_member_is_needed(member: str) -> None:
    event = json.loads(encode_event(full(1)))
    del event[member]
    assert fold(json.dumps(event).encode())[0] == 1
    event[member] = "PII"
    if member in {"specversion", "type", "time", "data"}:
        code, _, stderr = fold(json.dumps(event).encode())
        assert code == 1
        assert "PII" not in stderr


def test_rows_of_an_earlier_fold_are_merged(tmp_path: Path) -> None:
    earlier = [full(1, user={"email": "E", "name": "N"}), score(1), full(1, sub="8"), full(1, sub="9")]
    later = [partial(2, user={"email": "F"}), score(2), deleted(2, sub="8"), full(1, sub="10")]
    rows = tmp_path / "rows"
    rows.write_bytes(fold(lines(*earlier))[1])
    assert fold(lines(*later), rows) == fold(lines(*earlier, *later))
    assert fold(b"", rows)[1] == rows.read_bytes()


def test_a_deletion_in_the_rows_holds_against_late_events(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    rows.write_bytes(fold(lines(deleted(2)))[1])
    code, stdout, _ = fold(lines(full(1, user={"email": "E"}), score(1)), rows)
    assert code == 0
    assert stdout == rows.read_bytes()


def test_a_key_that_comes_twice_in_the_rows_is_merged(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    history = [full(1, user={"name": "N"}), partial(2, user={"email": "E"})]
    rows.write_bytes(b"".join(fold(lines(it))[1] for it in history))
    assert fold(b"", rows) == fold(lines(*history))


@pytest.mark.parametrize(
    "bad",
    [
        b"",
        b"PII",
        b'{"key":"PII"}',
        b'{"key":"k","user":{"vendor":"PII"},"loyalty":null}',
        b'{"key":"k","user":null,"loyalty":{"vendor":"PII"}}',
        b"[" * 100_000,
    ],
)
def test_a_bad_rows_file_is_refused_by_the_number_of_its_line(tmp_path: Path, bad: bytes) -> None:
    rows = tmp_path / "rows"
    rows.write_bytes(fold(lines(full(1)))[1] + bad + b"\n")
    code, stdout, stderr = fold(lines(full(2)), rows)
    assert (code, stdout) == (1, b"")
    assert stderr.startswith("rollcall: line 2 of the rows file is no output of fold: ")
    assert stderr.count("\n") == 1
    assert "PII" not in stderr


def test_rows_that_do_not_merge_are_refused(tmp_path: Path) -> None:
    rows = tmp_path / "rows"
    stdout = fold(lines(full(1, user={"name": "N"})))[1]
    rows.write_bytes(stdout.replace(b"2024-01-01T00:00:01.000000Z", b"yesterday"))
    assert fold(lines(full(2)), rows)[0] == 1


def test_a_rows_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    code, stdout, stderr = fold(lines(full(1)), tmp_path)
    assert (code, stdout) == (1, b"")
    assert stderr == f"rollcall: cannot read the rows file {tmp_path}: Is a directory\n"


def run(stdin: bytes, *arguments: str) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-m", "app", "fold", *arguments], input=stdin, capture_output=True, check=False
    )


@pytest.mark.traced
def test_as_a_process_it_answers_the_same(tmp_path: Path) -> None:
    history = lines(full(1, user={"name": "N"}), score(2))
    first = run(history)
    assert (first.returncode, first.stdout, first.stderr) == (0, fold(history)[1], b"")
    rows = tmp_path / "rows"
    rows.write_bytes(first.stdout)
    assert run(b"", "--rows", str(rows)).stdout == first.stdout
    refused = run(history + b"x\n")
    assert (refused.returncode, refused.stdout) == (1, b"")
    assert b"line 3" in refused.stderr


def test_neither_kafka_nor_faust_is_imported() -> None:
    unwanted = {"faust", "mode", "aiokafka", "asyncio"}
    program = f"import sys, app.cli.fold; print([it for it in {unwanted} if it in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, check=True)
    assert done.stdout.strip() == b"[]"
