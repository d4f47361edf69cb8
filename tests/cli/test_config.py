"""`rollcall config`, and what every command prints if a setting or its usage is wrong."""

import pytest

from app.environment import variables
from tests.cli.command import run

pytestmark = pytest.mark.traced

OURS = {"APP_ID": "crew", "TENANT_FYND": "acme", "TOPICS_CREATE": "true", "BROKER_WAIT": "1.50"}
COMMANDS = [["convert", "--vendor", "fynd"], ["fold"], ["worker"], ["topics"], ["config"]]


def test_every_variable_is_shown_with_the_value_in_force() -> None:
    done = run("config", ours=OURS)
    assert (done.returncode, done.stderr) == (0, b"")
    lines = dict(line.split("=", 1) for line in done.stdout.decode().splitlines())
    assert list(lines) == [variable.name for variable in variables()]
    assert lines["APP_ID"] == "crew"
    assert (lines["TENANT_FYND"], lines["TENANT_AMITY"]) == ("acme", "default")
    assert lines["TOPIC_FYND"] == "vendor.fynd.users"
    assert (lines["TOPICS_CREATE"], lines["BROKER_WAIT"]) == ("true", "1.5")


def test_what_is_shown_can_be_set() -> None:
    shown = run("config").stdout.decode()
    again = run("config", ours=dict(line.split("=", 1) for line in shown.splitlines()))
    assert again.stdout.decode() == shown


def test_what_belongs_to_vendors_that_are_not_read_is_not_shown() -> None:
    shown = run("config", ours={"VENDORS": "magine,fynd", "TOPIC_AMITY": "others"}).stdout.decode()
    names = [line.partition("=")[0] for line in shown.splitlines()]
    assert [name for name in names if name.startswith(("TOPIC_", "TENANT_"))] == [
        *("TOPIC_EVENTS", "TOPIC_DEAD_LETTER", "TOPIC_USERS", "TOPIC_LOYALTY"),
        *("TOPIC_FYND", "TOPIC_MAGINE", "TENANT_FYND", "TENANT_MAGINE"),
    ]
    assert "VENDORS=magine,fynd\n" in shown


def test_a_secret_is_shown_as_stars() -> None:
    for arguments in (["config"], ["config", "--table"]):
        done = run(*arguments, ours={"HTTP_TOKEN": "s3cr3t"})
        assert done.returncode == 0
        assert b"s3cr3t" not in done.stdout + done.stderr
    assert b"\nHTTP_TOKEN=***\n" in run("config", ours={"HTTP_TOKEN": "s3cr3t"}).stdout
    assert b"\nHTTP_TOKEN=\n" in run("config").stdout


def test_a_secret_that_is_malformed_is_not_quoted() -> None:
    done = run("config", ours={"HTTP_TOKEN": "s3cr3t words"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr == b"rollcall: HTTP_TOKEN: expected up to 1024 visible ASCII characters\n"


def test_the_table_has_a_row_for_every_variable() -> None:
    done = run("config", "--table", ours=OURS)
    assert done.returncode == 0
    lines = done.stdout.decode().splitlines()
    assert lines[0] == "| variable | default | meaning |"
    assert [line.split("`")[1] for line in lines[2:]] == [variable.name for variable in variables()]
    assert all(line.count(" | ") == 2 for line in lines[2:])
    # The table shows the defaults, not the settings in force.
    assert "crew" not in done.stdout.decode()


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command[0])
def test_a_malformed_setting_is_one_line_and_exit_code_1(command: list[str]) -> None:
    done = run(*command, ours={"HTTP_PORT": "high"})
    assert (done.returncode, done.stdout) == (1, b"")
    assert done.stderr.count(b"\n") == 1
    assert done.stderr.startswith(b"rollcall: HTTP_PORT: ")


@pytest.mark.parametrize("arguments", [[], ["nothing"], ["worker", "--what"], ["topics", "--what"]])
def test_bad_usage_is_exit_code_2(arguments: list[str]) -> None:
    done = run(*arguments)
    assert (done.returncode, done.stdout) == (2, b"")
    assert done.stderr.startswith(b"usage: rollcall")


def test_help_names_every_command() -> None:
    done = run("--help")
    assert done.returncode == 0
    for command in (b"worker", b"demo", b"convert", b"fold", b"topics", b"config"):
        assert command in done.stdout


def test_the_version_is_told() -> None:
    assert run("--version").stdout.startswith(b"rollcall ")
