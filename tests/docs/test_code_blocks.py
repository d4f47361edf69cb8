"""Every block of README.md and docs/ is run or parsed. This file names the exceptions, with their reasons.

The words after the opening fence of a block say what the tests do with it:

    console         each line after `$ ` is run, the other lines are its output; `...` means any lines
    sh              run as a script
    console kafka   the same two, with an embedded Kafka at BROKER_URL
    sh kafka
    json            parsed; several values may follow each other
    yaml            parsed
    python          parsed: a sketch
    mermaid         only the kind of its diagram is checked
    text            for people

The shell blocks of a page run in one folder and in their order, so a block may use a file of an earlier one.
Those that need a Kafka run separately.
"""

import ast
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest
import yaml

from app.embedded_kafka import EmbeddedKafka
from tests.cli.command import run as command
from tests.docs.pages import ROOT, Block, blocks_of, name_of, pages
from tests.docs.shell import Command, commands_of, complaints, matches, run

SHELL: Final = ("console", "sh")
KAFKA: Final = ("console kafka", "sh kafka")
KINDS: Final = (*SHELL, *KAFKA, "json", "yaml", "python", "mermaid", "text")
DIAGRAMS: Final = ("flowchart", "sequenceDiagram", "stateDiagram-v2")

# The beginnings of the commands that are not run, and the reasons.
NOT_RUN: Final[dict[str, str]] = {
    "kcat ": "no package of pip installs this program: tests/deploy/test_kit_programs.py runs these lines",
}
PAGES: Final = pages()
BLOCKS: Final = [block for page in PAGES for block in blocks_of(page)]


def of_kind(*kinds: str) -> list[Block]:
    return [block for block in BLOCKS if block.info in kinds]


def test_each_block_says_what_it_is() -> None:
    assert len(BLOCKS) > 10
    assert [f"{block}: {block.info!r}" for block in BLOCKS if block.info not in KINDS] == []


def is_json(text: str) -> bool:
    rest = text.strip()
    while rest:
        _, end = json.JSONDecoder().raw_decode(rest)
        rest = rest[end:].lstrip()
    return bool(text.strip())


def is_yaml(text: str) -> bool:
    return yaml.safe_load(text) is not None


def is_python(text: str) -> bool:
    flags = ast.PyCF_ONLY_AST | ast.PyCF_ALLOW_TOP_LEVEL_AWAIT
    return bool(compile(text, "", "exec", flags, dont_inherit=True).body)


def is_diagram(text: str) -> bool:
    return text.split(maxsplit=1)[0] in DIAGRAMS


READ: Final = {"json": is_json, "yaml": is_yaml, "python": is_python, "mermaid": is_diagram}


@pytest.mark.parametrize("block", of_kind(*READ), ids=str)
def test_what_is_only_read_is_what_it_says(block: Block) -> None:
    assert READ[block.info](block.text)


@pytest.mark.parametrize(
    ("kind", "text"),
    [("json", "{}\n{"), ("json", " "), ("yaml", "a: b: c"), ("python", "if:"), ("mermaid", "graf LR")],
)
def test_what_is_something_else_is_found(kind: str, text: str) -> None:
    with pytest.raises((ValueError, SyntaxError, yaml.YAMLError, AssertionError)):
        assert READ[kind](text)


def commands(block: Block) -> list[Command]:
    """Returns the commands of a shell block that are run. `make` runs with -n, so it only shows that it has
    such a target, because its targets build an environment or need the whole machine, and have their own
    tests."""
    kind, text = block.info.split()[0], block.text
    if kind == "sh":
        lines = [line for line in text.splitlines(keepends=True) if not line.startswith(tuple(NOT_RUN))]
        make = f"make --no-print-directory -n -C {shlex.quote(str(ROOT))} "
        text = re.sub(r"^make ", lambda _: make, "".join(lines), flags=re.MULTILINE)
    return [each for each in commands_of(kind, text) if not each.text.startswith(tuple(NOT_RUN))]


def run_all(page: Path, kinds: tuple[str, ...], folder: Path, **ours: str) -> None:
    wrong = []
    for block in blocks_of(page):
        if block.info in kinds:
            asked = commands(block)
            wrong += [f"{block}: {each}" for each in complaints(asked, run(asked, folder, ours))]
    assert not wrong, "\n".join(wrong)


def with_blocks(*kinds: str) -> list[Path]:
    return [page for page in PAGES if any(block.info in kinds for block in blocks_of(page))]


@pytest.mark.parametrize("page", with_blocks(*SHELL), ids=name_of)
def test_the_commands_of_a_page_do_what_it_shows(page: Path, tmp_path: Path) -> None:
    run_all(page, SHELL, tmp_path)


@pytest.fixture(scope="module")
def own_broker() -> Iterator[str]:
    """A Kafka that no other test uses, so that topics can have their usual names, as on the pages."""
    with EmbeddedKafka() as kafka:
        assert command("topics", "--create", ours={"BROKER_URL": kafka.bootstrap}).returncode == 0
        yield kafka.bootstrap


@pytest.mark.kafka
@pytest.mark.parametrize("page", with_blocks(*KAFKA), ids=name_of)
def test_the_commands_of_a_page_do_what_it_shows_on_a_kafka(
    page: Path, tmp_path: Path, own_broker: str
) -> None:
    run_all(page, KAFKA, tmp_path, BROKER_URL=own_broker)


def test_what_is_not_run_is_on_a_page() -> None:
    lines = [line.removeprefix("$ ") for page in pages() for line in page.read_text("utf-8").splitlines()]
    assert [name for name in NOT_RUN if not any(line.startswith(name) for line in lines)] == []


def found_wrong(text: str, tmp_path: Path) -> list[str]:
    asked = commands_of("console", text)
    return complaints(asked, run(asked, tmp_path, {}))


def test_what_a_block_shows_is_compared(tmp_path: Path) -> None:
    right = "$ echo a; echo b \\\n    && echo c >&2\na\nb\nc\n$ false\n$ echo $?\n1\n$ printf x\nx\n"
    assert found_wrong(right, tmp_path) == []
    assert found_wrong("$ printf 'a\\nb\\nc\\n'\na\n...\n", tmp_path) == []
    assert found_wrong("$ rollcall --version\nrollcall ...\n", tmp_path) != []
    for wrong in (
        "$ echo a\nb\n",
        "$ echo a\n",
        "$ true\na\n",
        "$ false\n",
        "$ exit 0\n",
        "$ no-such-program\n",
    ):
        assert found_wrong(wrong, tmp_path) != [], wrong
    with pytest.raises(ValueError, match="before the first command"):
        commands_of("console", "a\n$ echo a\n")


@pytest.mark.parametrize(
    ("expected", "printed", "same"),
    [
        ("a\n", "a\n", True),
        ("a\n", "a", True),
        ("a\n", "a  \n", True),
        ("", "", True),
        ("", "a\n", False),
        ("...\n", "", True),
        ("a\n...\nz\n", "a\nb\nc\nz\n", True),
        ("a\n...\nz\n", "b\nz\n", False),
        ("a...\n", "ab\n", False),
    ],
)
def test_three_dots_mean_any_lines(expected: str, printed: str, same: bool) -> None:
    assert matches(expected, printed) is same
