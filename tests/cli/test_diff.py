"""`rollcall diff` without a Kafka: a file of bodies through two versions of the mapping."""

import json
from pathlib import Path

import pytest

from app.embedded_kafka.properties import free_ports
from tests.cli.command import run
from tests.operator_tools.other_versions import make_repository
from tests.tools.bench.bodies import bodies

NOW = "1900000000000"


@pytest.fixture
def arguments(tmp_path: Path) -> list[str]:
    """Those of a comparison with a changed mapping."""
    repository = make_repository(tmp_path / "git")
    kept = ["--repository", str(repository), "--cache", str(tmp_path / "cache")]
    return ["diff", "--vendor", "magine", "--against", "old", *kept, "--timestamp", NOW]


@pytest.mark.thorough
@pytest.mark.traced
def test_the_lines_of_a_file_are_compared(arguments: list[str], tmp_path: Path) -> None:
    file = tmp_path / "bodies"
    file.write_bytes(b"\n".join([*bodies("magine", 1_019), b""]) + b"{")
    shown = run(*arguments, "--bodies", str(file))
    assert (shown.returncode, shown.stderr) == (0, b"")
    assert shown.stdout.decode().splitlines() == [
        "1,020 records, 1,019 of them differ",
        "  skip no_users -> emit: 102, for example -/0/3",
        "  data.status: changed 101, removed 816",
    ]
    with_values = run(*arguments, "--bodies", str(file), "--show-values", "--tenant", "acme")
    assert b'    -/0/0: "blocked" -> absent\n' in with_values.stdout
    code = run(*arguments, "--bodies", str(file), "--exit-code", "--json")
    assert (code.returncode, code.stderr) == (1, b"rollcall: 1,019 of 1,020 records differ\n")
    assert json.loads(code.stdout)["different"] == 1_019


@pytest.mark.thorough
@pytest.mark.traced
def test_equal_mappings_have_no_differences(arguments: list[str], tmp_path: Path) -> None:
    make_repository(tmp_path / "same", appended="")
    same = ["--repository", str(tmp_path / "same"), "--exit-code", "--bodies", "-"]
    done = run(*arguments, *same, stdin=b"{\n\n")
    assert (done.returncode, done.stdout, done.stderr) == (0, b"2 records, 0 of them differ\n", b"")


def test_help_has_an_example() -> None:
    done = run("diff", "--help")
    assert (done.returncode, b"--against v0.2.0" in done.stdout) == (0, True)


def test_wrong_usage() -> None:
    assert run("diff", "--vendor", "magine").returncode == 2
    assert run("diff", "--vendor", "nobody", "--against", "old").returncode == 2


@pytest.mark.thorough
def test_what_cannot_be_read_is_one_line(arguments: list[str], tmp_path: Path) -> None:
    done = run(*arguments, "--bodies", str(tmp_path / "none"))
    assert (done.returncode, done.stdout) == (1, b"")
    assert (
        done.stderr.decode() == f"rollcall: {tmp_path / 'none'} cannot be read: No such file or directory\n"
    )
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    done = run(*arguments, ours={"BROKER_URL": nobody, "BROKER_WAIT": "0.1"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"rollcall: no broker answered at {nobody} within 0.1 s\n"
