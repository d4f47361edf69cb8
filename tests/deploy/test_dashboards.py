"""The dashboards are made of the metrics, and their queries and those of the rules ask for what there is."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.deploy.dashboards import FOLDER, dashboards, text_of_dashboard
from tests.deploy.promql import problems, recorded, series
from tests.deploy.repository import yaml_of
from tests.deploy.test_alerts import rules
from tests.deploy.tools import NODE_MODULES, missing, run, tool
from tests.docs.metrics_table import described

NAMES = sorted(dashboards())
# JSON has texts where Grafana's types have enumerations of texts.
_PLAIN = """
type Plain<T> = T extends string ? `${T}` : T extends (infer U)[] ? Plain<U>[]
    : T extends object ? { [K in keyof T]: Plain<T[K]> } : T;
"""


def load(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((FOLDER / name).read_text("utf-8"))
    return found


def queries(name: str) -> Iterator[str]:
    for panel in load(name)["panels"]:
        yield from (target["expr"] for target in panel.get("targets", []))


@pytest.mark.parametrize("name", NAMES)
def test_a_dashboard_is_the_one_of_the_metrics_of_today(name: str) -> None:
    today = text_of_dashboard(dashboards()[name])
    assert (FOLDER / name).read_text("utf-8") == today, "python -m tests.deploy.dashboards makes it again"
    assert {path.name for path in FOLDER.glob("*.json")} == set(NAMES)


def test_grafana_finds_the_dashboards_and_they_find_prometheus() -> None:
    (provider,) = yaml_of("deploy/grafana/provisioning/dashboards/rollcall.yml")["providers"]
    (mount,) = yaml_of("docker-compose.yml")["services"]["grafana"]["volumes"]
    host, inside, _ = mount.split(":")
    assert Path(provider["options"]["path"]) == Path(inside) / FOLDER.relative_to(FOLDER.parent)
    assert Path(host) == Path("deploy/grafana/provisioning")
    (source,) = yaml_of("deploy/grafana/provisioning/datasources/prometheus.yml")["datasources"]
    used = {
        panel["datasource"]["uid"] for name in NAMES for panel in load(name)["panels"] if "targets" in panel
    }
    assert used == {source["uid"]}


def test_every_metric_has_a_panel_that_explains_it() -> None:
    panels = {panel["title"]: panel for panel in load("metrics.json")["panels"] if panel["type"] != "row"}
    shown = {name: panel["description"] for name, panel in panels.items()}
    assert shown == {metric.name: metric.help for metric in described() if metric.type != "info"}


@pytest.mark.parametrize("name", NAMES)
def test_no_panel_lies_on_another(name: str) -> None:
    cells = [
        (x, y)
        for position in (panel["gridPos"] for panel in load(name)["panels"])
        for x in range(position["x"], position["x"] + position["w"])
        for y in range(position["y"], position["y"] + position["h"])
    ]
    assert len(cells) == len(set(cells))
    assert max(x for x, _ in cells) < 24


def known() -> dict[str, frozenset[str]]:
    return series() | {rule["record"]: recorded(rule["record"]) for rule in rules("record")}


@pytest.mark.deploy
def test_queries_and_rules_ask_for_series_and_labels_that_exist() -> None:
    asked = [query for name in NAMES for query in queries(name)]
    asked += [rule["expr"] for kind in ("alert", "record") for rule in rules(kind)]
    assert len(asked) > 50
    names = known()
    assert [(query, wrong) for query in asked if (wrong := problems(query, names))] == []


@pytest.mark.deploy
@pytest.mark.parametrize(
    ("query", "wrong"),
    [
        ("rate(rollcall_records_totall[5m])", ["rollcall_records_totall"]),
        ('rollcall_vendor_held{vender="fynd"}', ["rollcall_vendor_held{vender}"]),
        ("sum by (topic) (rollcall_ready)", ["rollcall_ready by topic"]),
        ("sum by (topic) (rate(rollcall_records_total[5m])) > 0", ["rollcall_records_total by topic"]),
    ],
)
def test_a_query_that_asks_for_nothing_is_found(query: str, wrong: list[str]) -> None:
    assert problems(query, known()) == wrong


@pytest.mark.deploy
def test_a_query_with_a_wrong_type_is_found() -> None:
    with pytest.raises(ValueError, match="expected type matrix"):
        problems("rate(rollcall_records_total)", known())


@pytest.mark.deploy
def test_grafanas_types_take_the_dashboards_and_no_wrong_one(tmp_path: Path) -> None:
    done = _compiled([load(name) for name in NAMES], tmp_path)
    assert done.returncode == 0, done.stdout
    broken = load("overview.json")
    broken["panels"][1]["gridPos"]["h"] = "tall"
    assert "Type 'string' is not assignable to type 'number'" in _compiled([broken], tmp_path).stdout


def _compiled(found: list[dict[str, Any]], folder: Path) -> subprocess.CompletedProcess[str]:
    """Returns how TypeScript ends on a program that gives these dashboards Grafana's type."""
    if not (NODE_MODULES / "@grafana/schema").is_dir():
        missing("npm's @grafana/schema")
    program = folder / "dashboards.ts"
    program.write_text(
        f'import type {{ Dashboard }} from "{NODE_MODULES / "@grafana/schema"}";\n'
        f"{_PLAIN}export const dashboards: Plain<Dashboard>[] = {json.dumps(found)};\n",
        "utf-8",
    )
    compiler = NODE_MODULES / "typescript/bin/tsc"
    options = (
        "--noEmit",
        "--strict",
        "--skipLibCheck",
        "--moduleResolution",
        "bundler",
        "--module",
        "esnext",
    )
    return run(tool("node"), compiler, *options, program)
