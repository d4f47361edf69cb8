"""What holds for each of the operators' commands: its help, its example, its page, its rights."""

import shlex
from pathlib import Path

import pytest

from app.cli.main import _parser
from app.cli.operator_commands import OPERATOR_COMMANDS
from tests.docs.test_closed_sets import table

DOCS = Path(__file__).parents[2] / "docs"
WITHOUT_KAFKA = {"schema"}
"""Their result is the document itself, and they need no rights."""


@pytest.mark.parametrize("name", OPERATOR_COMMANDS)
def test_its_help_has_an_example_that_it_takes(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        _parser([name, "--help"]).parse_args([name, "--help"])
    assert end.value.code == 0
    said = capsys.readouterr().out
    example = OPERATOR_COMMANDS[name].example
    assert f"example:\n  {example}" in said
    assert "--json" in said or name in WITHOUT_KAFKA

    command, *arguments = shlex.split(example)
    assert (command, arguments[0]) == ("rollcall", name)
    assert callable(_parser(arguments).parse_args(arguments).run)


@pytest.mark.parametrize("name", OPERATOR_COMMANDS)
def test_what_it_does_not_know_is_a_usage_error(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        _parser([name]).parse_args([name, "--no-such-option"])
    assert end.value.code == 2
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("name", OPERATOR_COMMANDS)
def test_it_has_a_page_in_the_list_of_them(name: str) -> None:
    assert (DOCS / f"tools/{name}.md").read_text("utf-8").startswith("# ")
    assert f"[{name}]({name}.md)" in (DOCS / "tools/README.md").read_text("utf-8")


@pytest.mark.parametrize("name", sorted(OPERATOR_COMMANDS.keys() - WITHOUT_KAFKA))
def test_its_rights_are_documented(name: str) -> None:
    clients = [row[0].removeprefix("`").split("`")[0].split()[0] for row in table("security.md", "Rights")]
    assert name in clients
