"""The Pythons that the package names are those that are searched for and tested, everywhere."""

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

_ROOT = Path(__file__).parents[2]


def _text(path: str) -> str:
    return (_ROOT / path).read_text(encoding="utf-8")


def _named() -> list[str]:
    project = tomllib.loads(_text("pyproject.toml"))["project"]
    names = [name.removeprefix("Programming Language :: Python :: ") for name in project["classifiers"]]
    return [name for name in names if re.fullmatch(r"3\.\d+", name)]


def _jobs() -> dict[str, Any]:
    jobs: dict[str, Any] = yaml.safe_load(_text(".github/workflows/tests.yml"))["jobs"]
    return jobs


def test_the_least_python_is_the_first_that_is_named() -> None:
    named = _named()
    assert len(named) >= 3
    assert tomllib.loads(_text("pyproject.toml"))["project"]["requires-python"] == f">={named[0]}"
    assert f"sys.version_info < (3, {named[0].removeprefix('3.')})" in _text("Makefile")


def test_the_workflow_tests_each_python_and_all_of_it_on_one() -> None:
    jobs = _jobs()
    assert jobs["unit"]["strategy"]["matrix"]["python"] == _named()
    runs = [step["run"] for job in jobs.values() for step in job["steps"] if "run" in step]
    one = re.fullmatch(r"make check test PYTHON=python(3\.\d+)", runs[1])
    assert runs[0] == "make unit PYTHON=python${{ matrix.python }}"
    assert one
    assert one[1] in _named()
    assert all(job["timeout-minutes"] <= 60 for job in jobs.values())


def test_make_and_the_ci_script_search_for_each_python() -> None:
    named = _named()
    newest_first = " ".join(f"python{name}" for name in reversed(named))
    assert f"in python3 {newest_first};" in _text("Makefile")
    assert f'PYTHONS="{" ".join(named)}"' in _text(".ci/run")


THIS = "{}.{}".format(*sys.version_info)


def _make(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """In a checkout that holds nothing but what the folder has."""
    shutil.copy(_ROOT / "Makefile", folder)
    for name in ("pyproject.toml", "constraints.txt"):
        (folder / name).touch()
    # Of the make that may have started this test nothing is passed on.
    rest = {name: text for name, text in os.environ.items() if name != "PYTHON" and "MAKE" not in name}
    command = ["make", *arguments]
    return subprocess.run(command, cwd=folder, env=rest, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    ("made_by", "arguments", "used"),
    [
        (None, [f"PYTHON={sys.executable}"], ".venv"),
        (f"{THIS}.0", [f"PYTHON={sys.executable}"], ".venv"),
        ("3.9.18", [f"PYTHON={sys.executable}"], f".venv-{THIS}"),
        ("3.9.18", [], ".venv"),
        (None, [], ".venv"),
    ],
)
def test_no_target_runs_on_another_python_than_it_is_asked_for(
    tmp_path: Path, made_by: str | None, arguments: list[str], used: str
) -> None:
    if made_by:
        (tmp_path / ".venv").mkdir()
        (tmp_path / ".venv" / "pyvenv.cfg").write_text(f"home = /usr/bin\nversion = {made_by}\n")
    shown = _make(tmp_path, "-n", "unit", *arguments)
    assert shown.returncode == 0, shown.stderr
    assert f"-m venv {used}\n" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith(f"{used}/bin/python -m pytest ")
    assert "embedded_kafka" not in shown.stdout


def test_a_python_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = _make(tmp_path, "--silent", "unit", "PYTHON=/nowhere/python3")
    assert refused.returncode != 0
    assert refused.stderr.splitlines()[0].startswith("Rollcall needs Python 3.11 or later: ")
    assert refused.stdout == ""
    assert not list(tmp_path.glob(".venv*"))
