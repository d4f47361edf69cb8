"""`rollcall replay` without a Kafka: its usage, and what is refused in one line."""

import pytest

from app.embedded_kafka.properties import free_ports
from tests.cli.command import run


def test_help_has_an_example() -> None:
    done = run("replay", "--help")
    assert done.returncode == 0
    assert b"rollcall replay --vendor magine --since" in done.stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("--vendor", "nobody"),
        ("--vendor", "magine", "--since", "soon"),
        ("--vendor", "magine", "--rate", "0"),
    ],
)
def test_wrong_usage(arguments: tuple[str, ...]) -> None:
    assert run("replay", *arguments).returncode == 2


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("users.events", "users.events is a topic of the workers: name a new one"),
        ("vendor.fynd.users", "vendor.fynd.users is a topic of the workers: name a new one"),
        ("a/b", "a topic's name has 1 to 249 letters, digits, dots, `_` and `-`"),
    ],
)
def test_a_topic_that_is_none_to_write_to(name: str, line: str) -> None:
    done = run("replay", "--vendor", "magine", "--into", name, ours={"VENDORS": "magine"})
    assert (done.returncode, done.stdout, done.stderr.decode()) == (1, b"", f"rollcall: {line}\n")


def test_without_a_broker_it_is_one_line() -> None:
    nobody = f"127.0.0.1:{free_ports(1)[0]}"
    done = run("replay", "--vendor", "magine", ours={"BROKER_URL": nobody, "BROKER_WAIT": "0.1"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.decode() == f"rollcall: no broker answered at {nobody} within 0.1 s\n"
