"""The Python versions of the package's classifiers are those that make and CI search for and test."""

import sys
import tomllib
from pathlib import Path

import pytest

from tests.deploy.repository import make, named_pythons, text_of


def test_the_least_python_is_the_first_that_is_named() -> None:
    named = named_pythons()
    assert len(named) >= 3
    assert tomllib.loads(text_of("pyproject.toml"))["project"]["requires-python"] == f">={named[0]}"
    assert f"sys.version_info < (3, {named[0].removeprefix('3.')})" in text_of("Makefile")


def test_make_and_the_ci_script_search_for_each_python() -> None:
    named = named_pythons()
    newest_first = " ".join(f"python{name}" for name in reversed(named))
    assert f"in python3 {newest_first};" in text_of("Makefile")
    assert f'PYTHONS="{" ".join(named)}"' in text_of(".ci/run")


THIS = "{}.{}".format(*sys.version_info)


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
    shown = make(tmp_path, "-n", "unit", *arguments)
    assert shown.returncode == 0, shown.stderr
    assert f"-m venv {used}\n" in shown.stdout
    assert shown.stdout.splitlines()[-1].startswith(f"{used}/bin/python -m pytest ")
    assert "embedded_kafka" not in shown.stdout


def test_a_python_that_is_not_there_is_refused_in_one_line(tmp_path: Path) -> None:
    refused = make(tmp_path, "--silent", "unit", "PYTHON=/nowhere/python3")
    assert refused.returncode != 0
    assert refused.stderr.splitlines()[0].startswith("Rollcall needs Python 3.11 or later: ")
    assert refused.stdout == ""
    assert not list(tmp_path.glob(".venv*"))
