"""Other versions of the mapping: where they come from, and how they are run."""

from pathlib import Path

import pytest

from app.errors import CommandFailed
from app.tools.mappings.mapping_process import MappingTask, OutcomeText, WireRecord
from app.tools.mappings.other_version import default_cache, other_mapping, version_folder
from tests.operator_tools.other_versions import make_repository, make_tree, make_wheel

TASK = MappingTask("magine", "default", 1 << 20)


def test_a_revision_is_kept_once(tmp_path: Path) -> None:
    repository, cache = make_repository(tmp_path / "git"), tmp_path / "cache"
    folder = version_folder("old", repository, cache)
    assert (folder / "app" / "vendors" / "magine.py").is_file()
    assert folder.parent == cache
    (folder / "mark").touch()
    assert version_folder("HEAD", repository, cache) == folder
    assert (folder / "mark").is_file()
    assert list(cache.iterdir()) == [folder]


def test_a_wheel_is_kept_by_its_content(tmp_path: Path) -> None:
    tree, cache = make_tree(tmp_path / "tree", ""), tmp_path / "cache"
    first = version_folder(str(make_wheel(tree, tmp_path / "a.whl")), tmp_path, cache)
    (tree / "app" / "vendors" / "more.py").touch()
    second = version_folder(str(make_wheel(tree, tmp_path / "a.whl")), tmp_path, cache)
    assert first != second
    assert [(each / "app" / "vendors" / "more.py").exists() for each in (first, second)] == [False, True]


def test_what_is_no_version_is_refused_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    repository, cache = make_repository(tmp_path / "git"), tmp_path / "cache"
    no_wheel, empty = tmp_path / "no.whl", tmp_path / "empty.whl"
    no_wheel.write_bytes(b"no zip")
    (tmp_path / "nothing" / "app").mkdir(parents=True)
    make_wheel(tmp_path / "nothing", empty)
    for against, line in (
        ("--help", "no revision of the repository"),
        ("new", "new is no wheel, and no revision of the repository"),
        (str(tmp_path / "missing.whl"), "cannot be read: No such file or directory"),
        (str(no_wheel), "no.whl is no wheel"),
        (str(empty), "the other version has no folder app/vendors"),
    ):
        with pytest.raises(CommandFailed, match=line):
            version_folder(against, repository, cache)
    assert list(cache.iterdir()) == []
    with pytest.raises(CommandFailed, match="cannot be written"):
        version_folder("old", repository, no_wheel)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(CommandFailed, match="the program git is missing: name a wheel"):
        version_folder("old", repository, cache)


def test_the_cache_is_where_the_system_keeps_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert default_cache() == Path("/somewhere/rollcall/versions")
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert default_cache() == Path.home() / ".cache" / "rollcall" / "versions"


async def test_the_other_mapping_answers(tmp_path: Path) -> None:
    folder = make_tree(
        tmp_path / "tree", "convert = lambda *_: __import__('app.outcome').outcome.Skip('x')\n"
    )
    records = [WireRecord("t/0", number, 1, [], b"{") for number in range(3)]
    async with other_mapping(folder, TASK) as other:
        for _ in range(2):
            assert await other.map(records) == [OutcomeText("skip", "x")] * 3


@pytest.mark.parametrize(
    ("appended", "line"),
    [
        ("import nowhere\n", "cannot map records of magine: ModuleNotFoundError: No module named 'nowhere'"),
        ("raise SystemExit(3)\n", "the process of the other version has ended"),
        ("__file__ = '/elsewhere'\n", "runs the mapping of /elsewhere, not the other one"),
    ],
)
async def test_a_version_that_cannot_map_is_named(tmp_path: Path, appended: str, line: str) -> None:
    folder = make_tree(tmp_path / "tree", appended)
    with pytest.raises(CommandFailed, match=line):
        async with other_mapping(folder, TASK):
            pass


async def test_a_python_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="/no/python cannot be run: No such file or directory"):
        async with other_mapping(tmp_path, TASK, "/no/python"):
            pass
