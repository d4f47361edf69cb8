"""Finds and runs the programs that `make test-deploy` looks at deploy/ with."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Final, NoReturn

import pytest
import yaml

from tests.deploy.repository import ROOT

NODE_MODULES: Final = ROOT / "build/deploy/node_modules"
"""Where `make test-deploy` has npm install the packages of tests/deploy/package.json."""


def tool(*names: str) -> str:
    """Returns the path of the first of these programs that is found: beside the Python of the tests, or on
    the PATH. If there is none, the test is skipped, or fails if EVERY_TOOL is set."""
    beside = str(Path(sys.executable).parent)
    paths = [shutil.which(name, path=beside) or shutil.which(name) for name in names]
    return next(filter(None, paths), None) or missing(" or ".join(names))


def module(name: str) -> Any:
    """Returns the module of this name; without it the test ends as without a program."""
    if os.environ.get("EVERY_TOOL"):
        return __import__(name)
    return pytest.importorskip(name)


def missing(name: str) -> NoReturn:
    """Ends a test that lacks a program or a package."""
    if os.environ.get("EVERY_TOOL"):
        pytest.fail(f"{name} is not found", pytrace=False)
    pytest.skip(f"{name} is not found")


def run(*command: str | Path, stdin: str = "") -> subprocess.CompletedProcess[str]:
    """Returns how a command ended that ran in the root of the repository."""
    return subprocess.run(command, cwd=ROOT, input=stdin, capture_output=True, text=True, check=False)


def must(*command: str | Path, stdin: str = "") -> str:
    """Returns the standard output of a command; fails with all that it said if it did not end with 0."""
    done = run(*command, stdin=stdin)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def kustomize(folder: str) -> str:
    """Returns the manifests that kustomize makes of this folder, as YAML."""
    program = tool("kustomize", "kubectl")
    verb = "kustomize" if Path(program).name == "kubectl" else "build"
    return must(program, verb, folder)


def manifests(text: str) -> list[dict[str, Any]]:
    return [manifest for manifest in yaml.safe_load_all(text) if manifest]
