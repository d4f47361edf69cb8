"""Other versions of Rollcall: a git repository, and wheels, whose mapping differs from the one under test."""

import shutil
import subprocess
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[2]

CHANGED = """
from app.outcome import Skip

_convert = convert


def convert(vendor, record, partition, options):
    if record.offset % 10 == 3:
        return Skip("no_users")
    outcome = _convert(vendor, record, partition, options)
    for event in getattr(outcome, "events", ()):
        event.data.status = "blocked"
    return outcome
"""
"""What is appended to `app/vendors/__init__.py`: every tenth record has no event, and all others are of users
who are blocked."""


def make_tree(folder: Path, appended: str) -> Path:
    """Makes the package `app` in a folder, with a changed mapping."""
    shutil.copytree(ROOT / "app", folder / "app", ignore=shutil.ignore_patterns("__pycache__", "*.html"))
    with (folder / "app" / "vendors" / "__init__.py").open("a", encoding="utf-8") as file:
        file.write(appended)
    return folder


def make_repository(folder: Path, appended: str = CHANGED) -> Path:
    """Makes a git repository with a changed mapping as its only commit, which has the tag `old`."""
    make_tree(folder, appended)
    git = ["git", "-C", str(folder), "-c", "user.name=a", "-c", "user.email=a@example.com"]
    for arguments in (
        ["init", "--quiet"],
        ["add", "app"],
        ["commit", "--quiet", "--no-gpg-sign", "-m", "old"],
        ["tag", "old"],
    ):
        subprocess.run([*git, *arguments], check=True)
    return folder


def make_wheel(tree: Path, wheel: Path) -> Path:
    """Packs the package of a folder as a wheel does."""
    with zipfile.ZipFile(wheel, "w") as archive:
        for file in sorted((tree / "app").rglob("*.py")):
            archive.write(file, file.relative_to(tree))
        archive.writestr("rollcall-0.dist-info/METADATA", "Name: rollcall\n")
    return wheel
