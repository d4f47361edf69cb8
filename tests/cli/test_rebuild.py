"""The command lines of `rebuild` and `repartition`, without Kafka."""

import pytest

from tests.cli.command import run

NOBODY = {"BROKER_URL": "127.0.0.1:9", "BROKER_WAIT": "0"}


@pytest.mark.parametrize(
    ("command", "example"),
    [
        ("rebuild", "rollcall rebuild --from users.events --into rebuilt"),
        ("repartition", "rollcall repartition --partitions 24 --into wide"),
    ],
)
def test_the_help_has_an_example(command: str, example: str) -> None:
    done = run(command, "--help")
    assert done.returncode == 0
    assert example in done.stdout.decode()


@pytest.mark.parametrize(
    "arguments",
    [
        ["rebuild"],
        ["rebuild", "--into", "a", "--without-old", "nobody"],
        ["rebuild", "--into", "a", "--continue", "--check"],
        ["repartition", "--into", "a"],
        ["repartition", "--partitions", "0", "--into", "a"],
        ["repartition", "--partitions", "many", "--into", "a"],
        ["repartition", "--partitions", "7", "--into", "a", "--check", "--move-group", "g"],
    ],
)
def test_wrong_usage_ends_with_2(arguments: list[str]) -> None:
    done = run(*arguments, ours=NOBODY)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"usage: rollcall ")


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["rebuild", "--into", "a b"], "--into: expected up to 237 letters, digits, dots, `_` and `-`"),
        (["repartition", "--partitions", "6", "--into", "a"], "the topics have 6 partitions already"),
        (["rebuild", "--into", "a"], "no broker answered at 127.0.0.1:9"),
        (["repartition", "--partitions", "7", "--into", "a"], "no broker answered at 127.0.0.1:9"),
    ],
)
def test_what_is_refused_is_said_in_one_line(arguments: list[str], line: str) -> None:
    done = run(*arguments, ours=NOBODY)
    assert (done.returncode, done.stdout) == (1, b"")
    said = done.stderr.decode().splitlines()
    assert said[-1].startswith(f"rollcall: {line}")
    assert all("[info" in each for each in said[:-1])
