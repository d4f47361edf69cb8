"""The Pythons that the package names are those that are searched for and tested, everywhere."""

import re
import tomllib
from pathlib import Path
from typing import Any

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
