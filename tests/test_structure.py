"""The structure of `app`: names that occur once, imports without circles, and one face of the engine."""

import ast
from collections import Counter
from collections.abc import Iterator
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import app.engine

APP = Path(__file__).parents[1] / "app"
MODULES = {
    ".".join(("app", *path.relative_to(APP).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in APP.rglob("*.py")
}
TREES = {name: ast.parse(path.read_text("utf-8")) for name, path in MODULES.items()}

# `run` is the name of a function of the face, and of the module that it is in.
FACE = frozenset(app.engine.__all__)


def _imports(name: str) -> Iterator[str]:
    """The modules of `app` that a module imports, wherever in its code."""
    for node in ast.walk(TREES[name]):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                inner = f"{node.module}.{alias.name}"
                if inner in MODULES and alias.name not in FACE:
                    yield inner
                elif node.module in MODULES:
                    yield node.module


def _is_in_engine(name: str) -> bool:
    return f"{name}.".startswith("app.engine.")


def test_no_two_modules_have_one_name() -> None:
    # A package's main module is named like its package; a command's module like its command.
    names = Counter(
        path.stem
        for path in MODULES.values()
        if path.parent.name != "cli" and path.stem not in ("__init__", "__main__")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_no_two_public_classes_have_one_name() -> None:
    names = Counter(
        node.name
        for tree in TREES.values()
        for node in tree.body
        if isinstance(node, ast.ClassDef) and not node.name.startswith("_")
    )
    assert [name for name, count in names.items() if count > 1] == []


def test_imports_make_no_circle() -> None:
    graph = {name: set(_imports(name)) - {name} for name in MODULES}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        raise AssertionError(" -> ".join(error.args[1])) from None


def test_only_the_face_of_the_engine_is_imported() -> None:
    outside = [name for name in MODULES if not _is_in_engine(name)]
    assert [
        (name, imported)
        for name in outside
        for imported in _imports(name)
        if imported.startswith("app.engine.")
    ] == []


def test_the_engine_knows_nothing_of_vendors_events_and_rows() -> None:
    known = {
        imported
        for name in MODULES
        if _is_in_engine(name)
        for imported in _imports(name)
        if not _is_in_engine(imported)
    }
    assert known <= {"app.errors", "app.versions"}
