"""The worked example of CONTRIBUTING.md, applied block by block to a copy of the repository."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.tools.new_vendor.copies import ROOT, copy_of_the_tree, environment, ok, run

# The copy is checked by mypy, tests and the fuzzer.
pytestmark = pytest.mark.thorough

SECTION = "## Add a vendor in an afternoon"
# A paragraph that ends with the path of a file in backticks and a colon is followed by the content of that
# file.
BLOCK = re.compile(
    r"(?:`(?P<path>[\w./-]+)`:\n)?\n```(?P<kind>\w+)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)

# Part of the paths of pages below: the repository has no page of this vendor, and a test resolves every path
# that is written whole.
NEW = "acme"


class Block(NamedTuple):
    path: str | None
    kind: str
    text: str


def blocks() -> list[Block]:
    section = (ROOT / "CONTRIBUTING.md").read_text("utf-8").partition(SECTION)[2].partition("\n## ")[0]
    return [Block(it["path"], it["kind"], it["text"]) for it in BLOCK.finditer(section)]


class Applied(NamedTuple):
    tree: Path
    outputs: list[str]


@pytest.fixture(scope="module")
def applied(tmp_path_factory: pytest.TempPathFactory) -> Applied:
    """The copy after the last block, and the output of the commands."""
    tree, outputs = copy_of_the_tree(tmp_path_factory.mktemp("tree")), []
    for block in blocks():
        if block.path:
            (tree / block.path).write_text(block.text, "utf-8")
        elif block.kind == "sh":
            outputs.append(shell(tree, block.text))
    return Applied(tree, outputs)


def shell(tree: Path, script: str) -> str:
    script = f"set -eo pipefail\n{script}".replace(".venv/bin/python", shlex.quote(sys.executable))
    ended = subprocess.run(
        ["bash", "-c", script], cwd=tree, env=environment(), capture_output=True, text=True, check=False
    )
    ok(ended)
    return ended.stdout


def the_output(applied: Applied, of: str) -> str:
    (output,) = (text for text, block in zip(applied.outputs, of_kind("sh"), strict=True) if of in block.text)
    return output


def of_kind(kind: str) -> list[Block]:
    return [block for block in blocks() if block.kind == kind and not block.path]


def test_the_section_has_the_blocks_that_are_applied() -> None:
    assert [(block.kind, Path(block.path or "").suffix) for block in blocks()] == [
        ("json", ""),
        *[("sh", "")] * 2,
        ("python", ".py"),
        *[("sh", ""), ("json", "")],
        *[("json", ".json")] * 4,
        ("sh", ""),
        ("python", ".py"),
        ("sh", ""),
    ]


def test_the_answer_is_the_one_that_is_shown(applied: Applied) -> None:
    _, shown = of_kind("json")
    assert exact(the_output(applied, "printf")) == exact(shown.text)


def exact(text: str) -> str:
    return json.dumps(json.loads(text), indent=1)


def test_the_body_that_is_shown_is_a_full_snapshot_of_the_user(applied: Applied) -> None:
    body = json.dumps(json.loads(of_kind("json")[0].text))
    answer: dict[str, Any] = json.loads(
        run(applied.tree, "app", "convert", "--vendor", "acme", stdin=body).stdout
    )
    assert answer["events"][0]["data"] == {
        "snapshot": "full",
        "user": {"sub": "1", "name": "Ada", "email": "ada@example.com"},
        "attributes": {"tags": ["trial"]},
    }


def test_the_schema_of_its_bodies_and_its_topic_follow_from_the_types(applied: Applied) -> None:
    schema = json.loads(run(applied.tree, "app", "schema", "acme-body").stdout)
    assert schema["required"] == ["kind", "at", "users"]
    assert schema["properties"]["kind"]["enum"] == ["user.joined", "user.changed", "user.left"]
    document = json.loads(run(applied.tree, "app", "schema", "asyncapi").stdout)
    assert document["channels"]["acme"]["address"] == "vendor.acme.users"


def test_each_fixture_becomes_what_its_name_says(applied: Applied) -> None:
    written = the_output(applied, "--outcomes").splitlines()
    assert [line.rpartition("/")[2] for line in written if line.startswith("wrote")] == [
        "a-time-that-is-text-is-dead.out.json: dead schema $.at: expected a number",
        "a-user-who-is-gone-is-a-soft-deletion.out.json: emit user.deleted",
        "a-user-without-an-email-is-a-full-snapshot.out.json: emit user.updated",
        "an-order-is-another-family.out.json: skip other_family",
    ]


def test_the_four_fixtures_reach_every_branch_of_the_mapper(applied: Applied) -> None:
    assert "1 file skipped due to complete coverage" in the_output(applied, "--cov")


def test_the_example_passes_the_checks_and_lacks_only_what_it_says(applied: Applied) -> None:
    files = ["app/vendors/acme.py", "tests/tools/bench/bodies/acme.py"]
    ok(run(applied.tree, "ruff", "check", *files))
    ok(run(applied.tree, "ruff", "format", "--check", *files))
    ok(run(applied.tree, "mypy", *files))
    ok(run(applied.tree, "tests.tools.fuzz", "--inputs", "2000", "--jobs", "1", "--seed", "1"))
    missing = run(applied.tree, "tests.tools.new_vendor", "acme", "--outcomes").stdout.splitlines()
    assert missing == [
        "missing: tests/fixtures/acme/: at least 12 fixtures, it has 4",
        "missing: app/demo/stories/acme: what happens to its users in the demo",
        f"missing: docs/vendors/{NEW}.md: what is marked with TO DO",
        "missing: docs/vendors/README.md: a link to acme.md, and its column",
        "missing: docs/events.md: its topic, and its column or row in each table that names the vendors",
    ]
