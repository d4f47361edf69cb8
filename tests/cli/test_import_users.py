"""`rollcall import` without a Kafka: what it would write, and what it refuses."""

import json
from pathlib import Path

import pytest

from tests.cli.command import run

MAGINE = ("import", "--vendor", "magine", "--tenant", "acme")
AS_OF = ("--as-of", "2025-11-25T08:00:00Z")
USER = b'{"userId":"u-1","name":"Ada"}\n'
NOWHERE = {"BROKER_URL": "127.0.0.1:1", "BROKER_WAIT": "0"}


def test_a_dry_run_needs_no_kafka_and_tells_what_would_be_written() -> None:
    done = run(*MAGINE, *AS_OF, "--dry-run", "-", stdin=USER + b"\n" + USER, ours=NOWHERE)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == b"2 snapshots and 0 deletions of 2 lines would be written to users.events\n"


@pytest.mark.parametrize(("more", "code"), [((), 1), (("--skip-bad",), 0)])
def test_refused_lines_are_told_without_their_content(
    more: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    file = tmp_path / "users.jsonl"
    file.write_bytes(USER + b'{"userId":"","name":"Ada"}\n[1]\n')
    done = run(*MAGINE, *AS_OF, "--dry-run", *more, str(file))
    assert done.returncode == code
    assert done.stdout.decode().splitlines()[1:] == [
        "refused 1: schema, $.data.userId: expected non-empty str or int (line 2)",
        "refused 1: schema, $: expected an object (line 3)",
    ]
    said = b"rollcall: 2 of 3 lines were refused; with --skip-bad that is no failure\n"
    assert done.stderr == (said if code else b"")


def test_a_users_own_time_or_that_of_the_export_is_needed() -> None:
    done = run(*MAGINE, "--dry-run", "--json", "-", stdin=USER)
    assert done.returncode == 1
    told = json.loads(done.stdout)
    assert (told["dry_run"], told["snapshots"], told["refused"]) == (True, 0, {"bad_time": 1})


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (MAGINE, "FILE"),
        ((*MAGINE[:3], "-"), "--tenant"),
        (("import", "--vendor", "x", "--tenant", "t", "-"), "invalid choice"),
        (("import", "--vendor", "magine", "--tenant", "null", "-"), "expected a tenant"),
        ((*MAGINE, "--as-of", "yesterday", "-"), "expected a time such as"),
        ((*MAGINE, "--as-of", "2999-01-01T00:00:00Z", "-"), "not ahead"),
        ((*MAGINE, "--as-of", "1999-01-01T00:00:00Z", "-"), "after 1999"),
        ((*MAGINE, "--rate", "0", "-"), "more than 0"),
    ],
)
def test_wrong_usage_is_told(arguments: tuple[str, ...], said: str) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in done.stderr.decode()


def test_the_help_has_an_example() -> None:
    done = run("import", "--help")
    assert done.returncode == 0
    assert b"example:\n  rollcall import --vendor magine" in done.stdout


def test_a_file_and_a_broker_that_are_not_there_are_named() -> None:
    done = run(*MAGINE, "--dry-run", "no-such-file")
    assert (done.returncode, done.stderr) == (
        1,
        b"rollcall: cannot read no-such-file: No such file or directory\n",
    )
    done = run(*MAGINE, *AS_OF, "-", stdin=USER, ours=NOWHERE)
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"rollcall: no broker answered at 127.0.0.1:1 within 0 s\n"
