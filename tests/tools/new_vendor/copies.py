"""Copies of the whole repository, in which a test can add a vendor and run the project's own commands."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
_NOT_COPIED: Final = ("__pycache__", ".venv*", ".git", ".*_cache", ".hypothesis", "*.egg-info", ".coverage*")


def copy_of_the_tree(target: Path) -> Path:
    """Returns the path of the copy, which is in the folder `target`."""
    return Path(
        shutil.copytree(ROOT, target, ignore=shutil.ignore_patterns(*_NOT_COPIED), dirs_exist_ok=True)
    )


def run(tree: Path, module: str, *arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Returns how `python -m module` ended in the copy."""
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(
        command, cwd=tree, env=environment(), input=stdin, capture_output=True, text=True, check=False
    )


def environment() -> dict[str, str]:
    """Returns the environment of this process without the settings of coverage, which must not count the
    files of a copy."""
    return {name: text for name, text in os.environ.items() if "COV" not in name}


def ok(ended: subprocess.CompletedProcess[str]) -> None:
    """Fails with the output of the process if its exit code is not 0."""
    assert ended.returncode == 0, ended.stdout + ended.stderr
