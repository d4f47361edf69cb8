"""A release has one version, in every file that names it."""

import re
import tomllib

from app import __version__
from tests.deploy.repository import text_of


def test_the_package_takes_its_version_from_the_one_place() -> None:
    project = tomllib.loads(text_of("pyproject.toml"))
    assert "version" in project["project"]["dynamic"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "app.__version__"}


def test_the_first_heading_of_the_changelog_is_this_version_with_its_date_or_unreleased() -> None:
    first = re.search(r"^## (.*)$", text_of("CHANGELOG.md"), re.MULTILINE)
    assert first
    assert re.fullmatch(rf"\[{re.escape(__version__)}\] - (unreleased|\d{{4}}-\d\d-\d\d)", first[1])


def test_the_readme_names_this_version() -> None:
    assert re.findall(r"\bversion (\d+\.\d+\.\d+)", text_of("README.md")) == [__version__]
