"""docs/log-lines.md has every line that a worker writes, and no other."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.docs.test_closed_sets import table

APP = Path(__file__).parents[2] / "app"
LEVELS = frozenset({"info", "warning", "error", "critical"})
# These are no part of a worker.
OTHERS = frozenset({"demo", "embedded_kafka"})


def text_of(node: ast.expr) -> str:
    """Returns a text of the code with `…` for each part that is known only when it runs."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.sub(r"%[-+0-9.]*[sdgfr]", "…", node.value)
    if isinstance(node, ast.JoinedStr):
        parts = node.values
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in parts)
    return "…"


def calls() -> Iterator[ast.Call]:
    for file in APP.rglob("*.py"):
        if not OTHERS & set(file.relative_to(APP).parts):
            tree = ast.parse(file.read_text("utf-8"))
            yield from (node for node in ast.walk(tree) if isinstance(node, ast.Call) and node.args)


def logged() -> set[tuple[str, str]]:
    """Returns the level and the line of each call of a logger, but for lines that are variable as a whole."""
    found = {
        (call.func.attr, text_of(call.args[0]))
        for call in calls()
        if isinstance(call.func, ast.Attribute)
        and call.func.attr in LEVELS
        and isinstance(call.func.value, ast.Name)
        and call.func.value.id == "logger"
    }
    return {each for each in found if each[1] != "…"}


def reasons() -> set[str]:
    """Returns the reasons that are written where a worker is ended with 70."""
    ends = [
        call
        for call in calls()
        if (isinstance(call.func, ast.Name) and call.func.id == "die")
        or (isinstance(call.func, ast.Attribute) and call.func.attr == "_fatal")
    ]
    return {text_of(call.args[0]) for call in ends} - {"…"}


def test_every_line_is_on_the_page() -> None:
    rows = [(level, line.strip("`")) for level, line, _ in table("log-lines.md", "All lines")]
    assert len(rows) == len(set(rows))
    assert set(rows) == logged()


def test_every_reason_to_end_with_70_is_on_the_page() -> None:
    rows = [reason.strip("`") for reason, _ in table("log-lines.md", "Why a worker stops to protect data")]
    assert set(rows) == reasons()
    assert len(rows) == len(set(rows))
