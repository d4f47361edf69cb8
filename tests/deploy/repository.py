"""Reads the files of this repository that are no Python, and runs its Makefile."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]


def text_of(path: str) -> str:
    return (ROOT / path).read_text(encoding="utf-8")


def yaml_of(path: str) -> Any:
    return yaml.safe_load(text_of(path))


def named_pythons() -> list[str]:
    """Returns the versions in the package's classifiers, the oldest first: `3.11`."""
    project = tomllib.loads(text_of("pyproject.toml"))["project"]
    names = [name.removeprefix("Programming Language :: Python :: ") for name in project["classifiers"]]
    return [name for name in names if re.fullmatch(r"3\.\d+", name)]


def make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Returns how `make` ended in a checkout that has nothing but the files of the folder."""
    shutil.copy(ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    # The variables of a make that may have started this test are not passed on.
    rest = {name: text for name, text in os.environ.items() if name != "PYTHON" and "MAKE" not in name}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=rest, capture_output=True, text=True, check=False)
