"""`app/state/fast` can be deleted: every answer stays the same.

It is deleted in a copy of the tree, and what the copy answers is compared with what this tree answers.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import msgspec
import pytest

from app.canonical import Event, encode_event
from app.state.fast import newest_entry, overtake, short_way
from app.state.fast.short_way import apply as fast_apply
from app.state.rules.apply import apply as plain_apply
from app.state.rules.instants import Instant, micros_of
from tests.state.answers import answers
from tests.state.random_histories import random_histories
from tests.vendors.fixtures import ROOT as FIXTURES

pytestmark = pytest.mark.untraced

_TREE: Final = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def histories() -> list[list[Event]]:
    return list(random_histories(seed=9, count=3_000))


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of this tree without `app/state/fast` and `tests/state/fast`."""
    copy = tmp_path_factory.mktemp("bare")
    for name in ("app", "tests"):
        shutil.copytree(_TREE / name, copy / name, ignore=shutil.ignore_patterns("__pycache__", "fast"))
    shutil.copy(_TREE / "pyproject.toml", copy)
    return copy


def run(tree: Path, *arguments: str, stdin: bytes = b"", **environment: str) -> bytes:
    """What a Python program of that tree writes. It fails the test if the program fails."""
    inherited = {name: it for name, it in os.environ.items() if not name.startswith(("COV", "PYTHONPATH"))}
    done = subprocess.run(
        [sys.executable, *arguments],
        input=stdin,
        cwd=tree,
        env=inherited | environment,
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, (done.stdout + done.stderr).decode()
    return done.stdout


def test_the_copy_has_no_shortcut(bare: Path) -> None:
    program = "import sys, app.state; print(app.state.__file__, *[it for it in sys.modules if '.fast' in it])"
    assert run(bare, "-c", program).decode().split() == [str(bare / "app/state/__init__.py")]
    assert "app.state.fast.overtake" in run(_TREE, "-c", program).decode().split()


def test_only_the_face_of_the_state_names_the_folder() -> None:
    files = [path for path in (_TREE / "app").rglob("*.py") if "state.fast" in path.read_text("utf-8")]
    outside = [path.relative_to(_TREE).as_posix() for path in files if path.parent.name != "fast"]
    assert outside == ["app/state/__init__.py"]


def events_of_fixtures() -> list[dict[str, Any]]:
    outcomes = [json.loads(file.read_bytes()) for file in sorted(FIXTURES.glob("*/*.out.json"))]
    return [event for outcome in outcomes for event in outcome.get("events", ())]


def test_fold_makes_the_same_rows_of_all_fixtures(bare: Path) -> None:
    events = [json.dumps(event).encode() + b"\n" for event in events_of_fixtures()]
    assert len(events) > 100
    for order in (events, events[::-1], [*events, *events[::2]]):
        rows = run(bare, "-m", "app", "fold", stdin=b"".join(order))
        assert rows
        assert rows == run(_TREE, "-m", "app", "fold", stdin=b"".join(order))


def test_apply_and_merge_answer_the_same_to_thousands_of_histories(
    bare: Path, histories: list[list[Event]]
) -> None:
    lines = [
        msgspec.json.encode([msgspec.Raw(encode_event(event)) for event in history]) + b"\n"
        for history in histories
    ]
    there = run(bare, "-m", "tests.state.answers", stdin=b"".join(lines)).decode().split()
    assert there == [answers(history) for history in histories]


@pytest.mark.thorough
def test_the_tests_of_the_state_pass(bare: Path) -> None:
    tests = ("-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/state")
    assert b" passed" in run(bare, *tests, LAW_EXAMPLES="10")


def says_always(*_: object) -> bool:
    return True


def takes_any_entry(row: Any, event: Event, at: Instant) -> Any:
    newest = newest_entry.with_newest_entry(None, event, at)
    if row is None or newest is None:
        return newest
    return msgspec.structs.replace(newest, entries=[*newest.entries, *row.entries])


def forgets_what_a_snapshot_leaves(*_: object) -> dict[str, int]:
    return {}


def forgets_times(after: Any, *_: object) -> Any:
    return after


def keeps_the_spelling(text: str) -> Instant:
    return Instant(micros_of(text), text)


@pytest.mark.parametrize(
    ("module", "name", "mistake"),
    [
        (short_way, "plainly_stale", says_always),
        (short_way, "keeps_user", says_always),
        (short_way, "keeps_loyalty", says_always),
        (short_way, "with_newest_entry", takes_any_entry),
        (short_way, "_instant", keeps_the_spelling),
        (newest_entry, "_is_newer", says_always),
        (overtake, "_stamps_kept", forgets_what_a_snapshot_leaves),
        (overtake, "_newest_times", forgets_times),
    ],
)
def test_a_shortcut_with_a_mistake_is_found(
    module: Any,
    name: str,
    mistake: Callable[..., object],
    histories: list[list[Event]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, name, mistake)
    assert any(answers(it, fast_apply) != answers(it, plain_apply) for it in histories)
