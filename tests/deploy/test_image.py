"""The worker's image. It cannot be built here, because the tests have no Docker: test_installations.py runs
what is in it."""

import re

import pytest

from tests.deploy.repository import text_of
from tests.deploy.tools import must, tool


@pytest.mark.deploy
def test_the_linter_of_dockerfiles_has_nothing_to_say() -> None:
    assert must(tool("hadolint"), "deploy/Dockerfile") == ""


def test_both_stages_have_one_base_which_can_be_named_by_its_digest() -> None:
    bases = re.findall(r"^FROM (\S+)", text_of("deploy/Dockerfile"), re.MULTILINE)
    assert bases == ["python:${PYTHON}"] * 2


def test_it_does_not_run_as_root() -> None:
    last = text_of("deploy/Dockerfile").rpartition("\nFROM ")[2]
    (user,) = re.findall(r"^USER (\d+):(\d+)$", last, re.MULTILINE)
    assert all(int(part) > 0 for part in user)
