"""The tool for a new vendor, in a copy of the repository."""

import json
from pathlib import Path

import pytest

from app.vendors import VENDORS
from tests.tools.new_vendor.copies import copy_of_the_tree, ok, run
from tests.tools.new_vendor.outcomes import outcome_text
from tests.vendors.fixtures import ROOT, fixtures_of

CHECKED = ["app", "tests/vendors", "tests/tools/bench", "tests/tools/fuzz"]

# Part of the paths of pages below: the repository has no page of this vendor, and a test resolves every path
# that is written whole.
NEW = "nordlys"


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository in which the tool has made the vendor `nordlys`."""
    tree = copy_of_the_tree(tmp_path_factory.mktemp("tree"))
    made = run(tree, "tests.tools.new_vendor", "nordlys", "--title", "Nordlys Idrett")
    assert (made.returncode, made.stderr) == (0, "")
    return tree


@pytest.mark.thorough
def test_the_skeleton_passes_the_checks(tree: Path) -> None:
    ok(run(tree, "ruff", "check", *CHECKED))
    ok(
        run(
            tree, "ruff", "format", "--check", "app", "tests/vendors", "tests/tools/bench", "tests/tools/fuzz"
        )
    )
    files = ["app/vendors/nordlys.py", "app/vendors/__init__.py", "tests/tools/bench/bodies/__init__.py"]
    ok(run(tree, "mypy", *files, "tests/tools/fuzz/allowed.py"))


@pytest.mark.thorough
def test_the_skeleton_passes_the_tests_of_the_vendors_and_the_fuzzer(tree: Path) -> None:
    tests = ["test_fixtures.py", "test_families.py", "test_bounds.py", "test_unmapped_fields.py"]
    cases = ["-k", "nordlys and not has_fixtures", "-p", "no:cacheprovider"]
    ok(run(tree, "pytest", "-q", *[f"tests/vendors/{it}" for it in tests], *cases))
    ok(run(tree, "tests.tools.fuzz", "--inputs", "2000", "--jobs", "1", "--seed", "1"))


def test_what_is_still_missing_is_named_in_one_go(tree: Path) -> None:
    test = "tests/vendors/test_every_vendor_is_whole.py::test_no_vendor_of_the_registry_lacks_a_file"
    failed = run(tree, "pytest", "-q", "-p", "no:cacheprovider", test)
    missing = [
        "tests/fixtures/nordlys/: at least 12 fixtures, it has 4",
        "app/demo/stories/nordlys: what happens to its users in the demo",
        f"docs/vendors/{NEW}.md: what is marked with TO DO",
        "docs/vendors/README.md: a link to nordlys.md, and its column",
        "docs/events.md: its topic, and its column or row in each table that names the vendors",
    ]
    assert failed.returncode == 1
    assert all(line in failed.stdout for line in missing)
    again = run(tree, "tests.tools.new_vendor", "nordlys", "--outcomes")
    assert [line for line in again.stdout.splitlines() if line.startswith("missing")] == [
        f"missing: {line}" for line in missing
    ]


def test_the_skeleton_maps_a_body(tree: Path) -> None:
    data = {"id": 1, "name": "Ada", "email": None}
    body = json.dumps({"id": 7, "type": "user.updated", "time": "2025-11-20T10:00:00Z", "data": data})
    answer = json.loads(run(tree, "app", "convert", "--vendor", "nordlys", stdin=body).stdout)
    (event,) = answer["events"]
    assert (event["id"], event["type"]) == ("user.updated:7", "user.updated")
    assert event["data"] == {"snapshot": "full", "user": {"sub": "1", "name": "Ada"}}


def test_outcomes_are_written_for_review_and_none_is_overwritten(tree: Path) -> None:
    folder = tree / "tests/fixtures/nordlys"
    new, kept = folder / "a-null-id-is-unusable.in.json", folder / "a-deletion-carries-the-id-only.out.json"
    new.write_text('{"body": {"type": "user.updated", "time": "2025-11-20T10:00:00Z", "data": {"id": null}}}')
    kept.write_text("{}")
    ended = run(tree, "tests.tools.new_vendor", "nordlys", "--outcomes")
    assert ended.stdout.startswith(
        "wrote tests/fixtures/nordlys/a-null-id-is-unusable.out.json: dead schema $.data.id: expected"
    )
    assert kept.read_text() == "{}"
    assert json.loads((folder / "a-null-id-is-unusable.out.json").read_text())["reason"] == "schema"


@pytest.mark.parametrize(
    ("vendor", "line"),
    [
        ("nordlys", "app/vendors/nordlys.py is there already, nothing is written"),
        ("claims", "app/vendors/claims.py is there already, nothing is written"),
        ("Nordlys", "a vendor's name has lower-case letters and digits, a letter first, not: Nordlys"),
    ],
)
def test_nothing_is_overwritten_and_then_nothing_is_written(tree: Path, vendor: str, line: str) -> None:
    before = {
        path: path.stat().st_mtime_ns for path in tree.rglob("*") if path.suffix in (".py", ".json", ".md")
    }
    ended = run(tree, "tests.tools.new_vendor", vendor)
    assert (ended.returncode, ended.stdout, ended.stderr) == (1, "", f"{line}\n")
    after = {
        path: path.stat().st_mtime_ns for path in tree.rglob("*") if path.suffix in (".py", ".json", ".md")
    }
    assert after == before


def written(tree: Path) -> dict[Path, int]:
    paths = (path for path in tree.rglob("*") if path.suffix in (".py", ".json", ".md"))
    return {path: path.stat().st_mtime_ns for path in paths}


def test_a_title_that_fills_a_line_is_refused(tree: Path) -> None:
    ended = run(tree, "tests.tools.new_vendor", "another", "--title", "A" * 51)
    assert (ended.returncode, ended.stderr) == (1, "a vendor's title has at most 50 characters\n")


def test_outcomes_of_an_unknown_vendor_are_refused(tree: Path) -> None:
    ended = run(tree, "tests.tools.new_vendor", "nobody", "--outcomes")
    assert (ended.returncode, ended.stderr) == (1, "nobody is not in the registry, app/vendors/__init__.py\n")


def test_a_list_that_has_another_form_is_named(tmp_path: Path) -> None:
    tree = copy_of_the_tree(tmp_path)
    registry = tree / "app/vendors/__init__.py"
    registry.write_text(registry.read_text().replace("    for vendor in (", "    for vendor in  ("))
    ended = run(tree, "tests.tools.new_vendor", "nordlys")
    assert ended.returncode == 1
    assert ended.stderr == "app/vendors/__init__.py: no list that begins with `for vendor in (`\n"
    assert not (tree / "app/vendors/nordlys.py").exists()


def test_an_outcome_is_written_as_the_fixtures_have_it() -> None:
    same = 0
    for vendor in VENDORS:
        for fixture in fixtures_of(vendor):
            text = (ROOT / vendor / f"{fixture.sentence}.out.json").read_text("utf-8")
            assert json.loads(outcome_text(fixture)) == json.loads(text)
            same += outcome_text(fixture) == text
    assert same > 600
