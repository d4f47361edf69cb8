"""`rollcall reconcile` without a Kafka: its usage."""

import pytest

from tests.cli.command import run

MAGINE = ("reconcile", "--vendor", "magine", "--tenant", "acme")
AS_OF = ("--as-of", "2025-11-25T08:00:00Z")


@pytest.mark.parametrize(
    "arguments",
    [(*AS_OF, "--emit-deletions", "-"), ("--emit", "--emit-deletions", "-")],
)
def test_deletions_need_a_time_and_snapshots(arguments: tuple[str, ...]) -> None:
    done = run(*MAGINE, *arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert b"argument --emit-deletions: needs --emit, and --as-of" in done.stderr


def test_the_help_has_an_example() -> None:
    done = run("reconcile", "--help")
    assert done.returncode == 0
    assert b"example:\n  rollcall reconcile --vendor magine" in done.stdout


def test_a_broker_that_does_not_answer_is_named() -> None:
    done = run(*MAGINE, "-", stdin=b"{}", ours={"BROKER_URL": "127.0.0.1:1", "BROKER_WAIT": "0"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"rollcall: no broker answered at 127.0.0.1:1 within 0 s\n"
