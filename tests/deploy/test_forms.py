"""The forms for issues have what GitHub demands: it ignores a malformed form without a message."""

from typing import Any

import pytest

from tests.deploy.repository import ROOT, text_of, yaml_of

_FORMS = sorted(
    path.name for path in (ROOT / ".github/ISSUE_TEMPLATE").glob("*.yml") if path.stem != "config"
)
_KINDS = {"markdown", "textarea", "input", "dropdown", "checkboxes"}


def test_there_is_a_form_for_each_kind_of_issue() -> None:
    assert _FORMS == ["bug.yml", "question.yml", "vendor.yml"]


@pytest.mark.parametrize("name", _FORMS)
def test_a_form_is_one_that_github_shows(name: str) -> None:
    form: dict[str, Any] = yaml_of(f".github/ISSUE_TEMPLATE/{name}")
    assert set(form) == {"name", "description", "labels", "body"}
    fields = [field for field in form["body"] if field["type"] != "markdown"]
    assert {field["type"] for field in form["body"]} <= _KINDS
    assert any(field.get("validations", {}).get("required") for field in fields)
    identifiers = [field["id"] for field in fields]
    assert len(set(identifiers)) == len(identifiers)
    assert all(field["attributes"]["label"] for field in fields)
    assert all("options" in field["attributes"] for field in fields if field["type"] == "dropdown")


@pytest.mark.parametrize("name", _FORMS)
def test_a_form_asks_for_no_real_users(name: str) -> None:
    text = " ".join(text_of(f".github/ISSUE_TEMPLATE/{name}").split())
    assert "no real" in text.lower()
