"""`rollcall redrive` as a command: its usage, and what it says without a broker."""

import pytest

from app.embedded_kafka.properties import free_ports
from tests.cli.command import run

pytestmark = pytest.mark.traced


def test_its_help_has_an_example_and_every_filter() -> None:
    done = run("redrive", "--help")
    assert (done.returncode, done.stderr) == (0, b"")
    said = done.stdout.decode()
    assert "rollcall redrive --run mapper-fixed --vendor magine --reason mapper_error" in said
    for name in ("--detail", "--origin", "--attempts", "--since", "--limit", "--rate", "--dry-run", "--json"):
        assert f"{name} " in said or f"{name}\n" in said, name


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "argument --run: needed without --dry-run"),
        (["--run", "a b"], "expected a name"),
        (["--run", "a", "--vendor", "nobody"], "invalid choice: 'nobody'"),
        (["--run", "a", "--reason", "nothing"], "invalid choice: 'nothing'"),
        (["--run", "a", "--origin", "topic"], "expected TOPIC/PARTITION/OFFSET"),
        (["--run", "a", "--limit", "-1"], "expected a number that is not negative"),
        (["--run", "a", "--first", "1"], "needed with them: --partition"),
    ],
)
def test_wrong_usage_says_what_is_wrong(arguments: list[str], said: str) -> None:
    done = run("redrive", *arguments)
    assert done.returncode == 2
    assert said in done.stderr.decode()


def test_without_a_broker_it_is_one_line() -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    done = run("redrive", "--run", "a", ours={"BROKER_URL": nobody, "BROKER_WAIT": "0.1"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"rollcall: no broker answered at {nobody} within 0.1 s\n"
