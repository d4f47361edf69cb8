"""The alerts of deploy/prometheus: each has a page that says what to do, and a test in which it fires.
`make test-deploy` runs these tests with promtool."""

import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from prometheus_client import generate_latest

from app.metrics import Metrics
from tests.deploy.repository import ROOT, text_of, yaml_of
from tests.deploy.tools import must, run, tool

RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
TESTS = sorted((ROOT / "tests/deploy/prometheus").glob("*.yml"))
HEADINGS = ["What it means", "Protect", "Find out", "Fix", "Confirm"]


def rules(kind: str) -> list[dict[str, Any]]:
    groups = [group for path in RULES for group in yaml_of(str(path))["groups"]]
    return [rule for group in groups for rule in group["rules"] if kind in rule]


ALERTS = {rule["alert"]: rule for rule in rules("alert")}


@cache
def checks() -> list[dict[str, Any]]:
    """Returns all checks of alerts in the tests for promtool."""
    cases = [case for path in TESTS for case in yaml_of(str(path))["tests"]]
    return [check for case in cases for check in case.get("alert_rule_test", [])]


def test_no_two_alerts_have_one_name_but_for_pairs_of_severities() -> None:
    named = [(rule["alert"], rule["labels"]["severity"]) for rule in rules("alert")]
    assert len(named) == len(set(named)) > 10
    assert {severity for _, severity in named} == {"page", "ticket"}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_has_a_runbook(name: str) -> None:
    page = ALERTS[name]["annotations"]["runbook"]
    assert re.fullmatch(r"docs/runbooks/[a-z-]+\.md", page)
    text = text_of(page)
    assert name in text
    assert re.findall(r"^## (.*)$", text, re.MULTILINE) == HEADINGS


def test_each_runbook_is_that_of_an_alert() -> None:
    pages = {f"docs/runbooks/{path.name}" for path in (ROOT / "docs/runbooks").glob("*.md")}
    assert pages == {rule["annotations"]["runbook"] for rule in rules("alert")}


@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_is_seen_to_fire_and_to_be_silent(name: str) -> None:
    fires = {bool(check.get("exp_alerts")) for check in checks() if check["alertname"] == name}
    assert True in fires
    assert False in fires


def test_the_table_of_alerts_names_them_all() -> None:
    named = re.findall(r"^\| (Rollcall\w+) \| (\w+) \|", text_of("docs/deploying.md"), re.MULTILINE)
    assert named == [(rule["alert"], rule["labels"]["severity"]) for rule in rules("alert")]


@pytest.mark.deploy
def test_promtool_takes_the_rules_and_the_configuration() -> None:
    must(tool("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *RULES)
    must(tool("promtool"), "check", "config", "--lint-fatal", "deploy/prometheus/prometheus.yml")


@pytest.mark.deploy
def test_promtool_has_nothing_to_say_of_what_a_worker_shows() -> None:
    shown = generate_latest(Metrics().registry).decode()
    done = run(tool("promtool"), "check", "metrics", stdin=shown)
    assert (done.returncode, done.stdout + done.stderr) == (0, "")
    done = run(tool("promtool"), "check", "metrics", stdin=shown.replace("_total", ""))
    assert done.returncode == 3


@pytest.mark.deploy
def test_alertmanager_takes_its_configuration() -> None:
    must(tool("amtool"), "check-config", "deploy/alertmanager/alertmanager.yml")


@pytest.mark.deploy
@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.stem)
def test_alerts_fire_when_they_should_and_only_then(path: Path) -> None:
    must(tool("promtool"), "test", "rules", path)


@pytest.mark.deploy
@pytest.mark.parametrize("name", ALERTS)
def test_an_alert_that_never_fires_fails_its_test(name: str, tmp_path: Path) -> None:
    (test,) = [path for path in TESTS if f"alertname: {name}\n" in path.read_text("utf-8")]
    for path in (*RULES, test):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        found = yaml_of(str(path))
        for rule in (rule for group in found.get("groups", []) for rule in group["rules"]):
            if rule.get("alert") == name:
                rule["expr"] = "vector(0) > 1"
        copy.write_text(yaml.safe_dump(found), "utf-8")
    done = run(tool("promtool"), "test", "rules", tmp_path / test.relative_to(ROOT))
    assert done.returncode == 1
    assert f"alertname: {name}," in done.stdout + done.stderr
