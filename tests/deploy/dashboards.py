"""Makes the Grafana dashboards of deploy/grafana: an overview, and one with a panel for every metric.

`python -m tests.deploy.dashboards` writes them; a test fails if they are out of date.
"""

import json
from collections.abc import Iterator
from itertools import count
from typing import Any, Final

from tests.deploy.overview import OVERVIEW, Panel
from tests.deploy.repository import ROOT
from tests.docs.metrics_table import Described, described

FOLDER: Final = ROOT / "deploy/grafana/provisioning/dashboards"
_SOURCE: Final = {"type": "prometheus", "uid": "prometheus"}
_WIDTH: Final = 24
_HEIGHT: Final = 8
_IN_A_ROW: Final = 4

Json = dict[str, Any]


def dashboards() -> dict[str, Json]:
    """Returns the dashboards by the names of their files."""
    everything: dict[str, list[Panel]] = {}
    for metric in described():
        if metric.type != "info":
            everything.setdefault(_TYPES[metric.type], []).append(panel_of(metric))
    return {
        "overview.json": _dashboard("rollcall-overview", "Rollcall", OVERVIEW),
        "metrics.json": _dashboard("rollcall-metrics", "Rollcall: all metrics", everything),
    }


_TYPES: Final = {"counter": "Counters, a second", "gauge": "Gauges", "histogram": "Histograms"}


def panel_of(metric: Described) -> Panel:
    """Returns the panel that shows a metric by its labels."""
    labels = [label for label in metric.labels if label != "partition"]
    legend = " ".join(f"{{{{{label}}}}}" for label in labels)
    if metric.type == "counter":
        by = f"by ({', '.join(labels)}) " if labels else ""
        query = f"sum {by}(rate({metric.name}[$__rate_interval]))"
        return Panel(metric.name, [(query, legend or "all workers")], "cps", metric.help)
    unit = "s" if metric.name.endswith("_seconds") else "bytes" if metric.name.endswith("_bytes") else "short"
    if metric.type == "histogram":
        of = f"sum by ({', '.join(['le', *labels])}) (rate({metric.name}_bucket[$__rate_interval]))"
        queries = [
            (f"histogram_quantile({share}, {of})", f"{legend} {share}".strip()) for share in (0.5, 0.99)
        ]
        return Panel(metric.name, queries, unit, metric.help)
    query = f"max by ({', '.join(['instance', *labels])}) ({metric.name})"
    return Panel(metric.name, [(query, f"{{{{instance}}}} {legend}".strip())], unit, metric.help)


def _dashboard(uid: str, title: str, rows: dict[str, list[Panel]]) -> Json:
    return {
        "uid": uid,
        "title": title,
        "tags": ["rollcall"],
        "editable": False,
        "schemaVersion": 39,
        "time": {"from": "now-3h", "to": "now"},
        "refresh": "30s",
        "panels": list(_panels(rows)),
    }


def _panels(rows: dict[str, list[Panel]]) -> Iterator[Json]:
    """Yields the rows and their panels, each below the one before."""
    identifiers, top = count(1), 0
    for title, panels in rows.items():
        yield {
            "id": next(identifiers),
            "type": "row",
            "title": title,
            "collapsed": False,
            "panels": [],
            "gridPos": {"h": 1, "w": _WIDTH, "x": 0, "y": top},
        }
        top += 1
        for start in range(0, len(panels), _IN_A_ROW):
            for place, panel in enumerate(panels[start : start + _IN_A_ROW]):
                position = {
                    "h": _HEIGHT,
                    "w": _WIDTH // _IN_A_ROW,
                    "x": place * _WIDTH // _IN_A_ROW,
                    "y": top,
                }
                yield _panel(next(identifiers), panel, position)
            top += _HEIGHT


def _panel(identifier: int, panel: Panel, position: Json) -> Json:
    steps: list[Json] = [{"color": "green", "value": None}]
    if panel.limit is not None:
        steps.append({"color": "red", "value": panel.limit})
    return {
        "id": identifier,
        "type": "timeseries",
        "title": panel.title,
        "description": panel.help,
        "datasource": _SOURCE,
        "gridPos": position,
        "fieldConfig": {
            "defaults": {
                "unit": panel.unit,
                "min": 0,
                "color": {"mode": "palette-classic"},
                "thresholds": {"mode": "absolute", "steps": steps},
                "custom": {"thresholdsStyle": {"mode": "off" if panel.limit is None else "line"}},
            },
            "overrides": [],
        },
        "options": {
            "legend": {"displayMode": "list", "placement": "bottom", "showLegend": True, "calcs": []},
            "tooltip": {"mode": "multi", "sort": "desc"},
        },
        "targets": [
            {"refId": chr(ord("A") + number), "datasource": _SOURCE, "expr": query, "legendFormat": legend}
            for number, (query, legend) in enumerate(panel.queries)
        ],
    }


def text_of_dashboard(dashboard: Json) -> str:
    """Returns the dashboard as JSON with one line for each panel."""
    rest = {name: value for name, value in dashboard.items() if name != "panels"}
    panels = ",\n".join(json.dumps(panel, ensure_ascii=False) for panel in dashboard["panels"])
    return f'{json.dumps(rest)[:-1]}, "panels": [\n{panels}\n]}}\n'


if __name__ == "__main__":
    for name, dashboard in dashboards().items():
        (FOLDER / name).write_text(text_of_dashboard(dashboard), "utf-8")
