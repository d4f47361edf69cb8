"""The command lines of `inspect`, `repair` and `forget`, without a Kafka."""

import os

import pytest

from app.cli.main import main
from tests.cli.command import run

KEY = "magine/acme/42"
WHY = ("--why", "ticket 4711")


@pytest.mark.parametrize("command", ["inspect", "repair", "forget"])
def test_the_help_has_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main([command, "--help"])
    assert ended.value.code == 0
    assert f"example:\n  rollcall {command} " in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["inspect"], "expected KEY or --find"),
        (["inspect", KEY, "--find", "email=a"], "expected KEY or --find"),
        (["inspect", "--find", "email"], "expected a claim"),
        (["inspect", "--find", "email=a", "--erase-check"], "--erase-check: expected KEY"),
        (["inspect", KEY, "--erase-check", "--since", "1"], "--erase-check: expected KEY"),
        (["inspect", "acme/42"], "argument KEY: expected vendor/tenant/user id"),
        (["repair", KEY, *WHY], "expected --set"),
        (["repair", KEY, "--clear", "profile.name"], "--why"),
        (["repair", KEY, "--clear", "profile.name", "--why", " "], "expected one line"),
        (["repair", KEY, "--clear", "profile.name", "--why", "a\nb"], "expected one line"),
        (["repair", KEY, "--clear", "profile.name", "--who", "x" * 1025, *WHY], "at most 1024 bytes"),
        (["repair", KEY, "--set", "profile.nobody=1", *WHY], "profile.nobody is no field"),
        (["forget", *WHY], "expected KEY, or --vendor and --tenant"),
        (["forget", "--tenant", "acme", *WHY], "expected KEY, or --vendor and --tenant"),
        (["forget", KEY, "--vendor", "magine", "--tenant", "acme", *WHY], "expected KEY, or"),
        (["forget", KEY, "--tenant", "acme", *WHY], "expected KEY, or"),
        (["forget", "--vendor", "nobody", "--tenant", "acme", *WHY], "invalid choice"),
    ],
)
def test_wrong_usage_says_what_was_expected(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_a_process_without_a_login_needs_a_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.delenv(name, raising=False)

    def nobody(_: int) -> None:
        raise KeyError("uid not found")

    monkeypatch.setattr("pwd.getpwuid", nobody)
    with pytest.raises(SystemExit):
        main(["repair", KEY, "--clear", "profile.name", *WHY])
    assert "argument --who: expected a name" in capsys.readouterr().err


@pytest.mark.parametrize(
    "arguments",
    [
        ["inspect", KEY],
        ["inspect", KEY, "--erase-check"],
        ["inspect", "--find", "email=a@example.com"],
        ["repair", KEY, "--clear", "profile.name", *WHY],
        ["forget", KEY, *WHY],
        ["forget", "--vendor", "magine", "--tenant", "acme", *WHY],
    ],
)
def test_without_a_broker_one_line_says_so(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in [name for name in os.environ if name.startswith(("TOPIC", "BROKER"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("BROKER_URL", "127.0.0.1:1")
    monkeypatch.setenv("BROKER_WAIT", "0")
    assert main(arguments) == 1
    out, err = capsys.readouterr()
    assert (out, err) == ("", "rollcall: no broker answered at 127.0.0.1:1\n")


def test_the_commands_are_in_the_program() -> None:
    done = run("inspect", KEY, ours={"BROKER_URL": "127.0.0.1:1", "BROKER_WAIT": "0"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"rollcall: no broker answered at 127.0.0.1:1\n"
