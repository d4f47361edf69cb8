"""`python -m tests.deploy.dashboard_picture FILE [SECONDS]`: the panels of the overview dashboard, as an SVG.

A real Prometheus scrapes two real workers while they get bodies of all vendors; one of them is killed after
two thirds of the time. Grafana itself is not here, so the picture has its queries and its data, not its look.
"""

import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from html import escape
from pathlib import Path
from typing import Final, NamedTuple

from app.embedded_kafka import EmbeddedKafka
from tests.deploy.monitoring import Monitoring, monitoring, wait_scraped
from tests.deploy.overview import OVERVIEW, Panel
from tests.integration.feeder import Feeder
from tests.integration.worker import Site

_SECONDS: Final = 240
_COLUMNS: Final = 4
_WIDTH, _HEIGHT, _GAP, _HEAD = 300, 190, 14, 34
_PLOT_TOP, _PLOT_HEIGHT, _PLOT_LEFT = 30, 104, 46
_COLOURS: Final = ("#2f9e44", "#f08c00", "#1971c2", "#e03131", "#9c36b5", "#0c8599", "#868e96")
_LEGENDS: Final = 6
_UNITS: Final = {"s": " s", "cps": "/s", "percentunit": "", "bytes": " B", "short": ""}

Points = Sequence[tuple[float, float]]


class Chart(NamedTuple):
    """A panel with the lines that Prometheus has for it, by their names."""

    panel: Panel
    lines: dict[str, Points]


def picture(rows: dict[str, list[Chart]]) -> str:
    """Returns the SVG: a row of charts below each title."""
    parts, top = list[str](), 8
    times = [
        at for charts in rows.values() for chart in charts for line in chart.lines.values() for at, _ in line
    ]
    span = (min(times), max(times)) if times else (0.0, 0.0)
    for title, charts in rows.items():
        parts.append(
            f'<text x="{_GAP}" y="{top + 22}" font-size="16" font-weight="bold">{escape(title)}</text>'
        )
        top += _HEAD
        for number, chart in enumerate(charts):
            left = _GAP + number % _COLUMNS * (_WIDTH + _GAP)
            parts.append(f'<g transform="translate({left} {top + number // _COLUMNS * (_HEIGHT + _GAP)})">')
            parts += [*_drawn(chart, *span), "</g>"]
        top += -(-len(charts) // _COLUMNS) * (_HEIGHT + _GAP)
    width = _GAP + _COLUMNS * (_WIDTH + _GAP)
    look = f'viewBox="0 0 {width} {top}" font-family="sans-serif" font-size="11" fill="#343a40"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" {look}>'
    return "\n".join([head, f'<rect width="{width}" height="{top}" fill="#f1f3f5"/>', *parts, "</svg>\n"])


def _drawn(chart: Chart, first: float, last: float) -> Iterator[str]:
    """Yields the parts of a chart. `first`, `last`: the times of its left and its right end."""
    yield f'<rect width="{_WIDTH}" height="{_HEIGHT}" rx="4" fill="#ffffff" stroke="#dee2e6"/>'
    yield f'<text x="10" y="18" font-weight="bold">{escape(chart.panel.title)}</text>'
    points = [point for line in chart.lines.values() for point in line]
    if not points:
        yield f'<text x="{_WIDTH / 2}" y="{_HEIGHT / 2}" text-anchor="middle" fill="#868e96">no data</text>'
        return
    top = max(value for _, value in points) or 1.0
    for share in (0.0, 0.5, 1.0):
        y = _PLOT_TOP + _PLOT_HEIGHT * (1 - share)
        yield f'<path d="M{_PLOT_LEFT} {y:g}H{_WIDTH - 10}" stroke="#e9ecef"/>'
        value = top * share
        label = (f"{value:,.0f}" if value >= 1000 else f"{value:.3g}") + _UNITS[chart.panel.unit]
        yield f'<text x="{_PLOT_LEFT - 4}" y="{y + 4:g}" text-anchor="end" font-size="9">{label}</text>'
    room = _WIDTH - 10 - _PLOT_LEFT
    for number, (name, line) in enumerate(chart.lines.items()):
        colour = _COLOURS[number % len(_COLOURS)]
        path = "L".join(
            f"{_PLOT_LEFT + room * (at - first) / ((last - first) or 1.0):.1f}"
            f" {_PLOT_TOP + _PLOT_HEIGHT * (1 - value / top):.1f}"
            for at, value in line
        )
        yield f'<path d="M{path}" fill="none" stroke="{colour}" stroke-width="1.4"/>'
        if number < _LEGENDS:
            x, y = 10 + number % 2 * 145, _PLOT_TOP + _PLOT_HEIGHT + 18 + number // 2 * 13
            yield f'<text x="{x}" y="{y}" font-size="10" fill="{colour}">{escape(name[:26])}</text>'


def _charts(monitored: Monitoring, began: float) -> dict[str, list[Chart]]:
    return {
        title: [Chart(panel, _lines(monitored, panel, began)) for panel in panels]
        for title, panels in OVERVIEW.items()
    }


def _lines(monitored: Monitoring, panel: Panel, began: float) -> dict[str, Points]:
    lines: dict[str, Points] = {}
    for query, legend in panel.queries:
        data = monitored.ask(
            "query_range",
            query=query.replace("$__rate_interval", "15s"),
            start=f"{began:.0f}",
            end=f"{time.time():.0f}",
            step="2",
        )
        for series in data["result"]:
            name = legend
            for label, value in series["metric"].items():
                name = name.replace(f"{{{{{label}}}}}", value)
            found = [(float(at), float(value)) for at, value in series["values"]]
            lines[name] = [point for point in found if point[1] == point[1]]
    return {name: line for name, line in lines.items() if line}


def main() -> None:
    target, seconds = Path(sys.argv[1]), float(sys.argv[2]) if len(sys.argv) > 2 else _SECONDS
    with ExitStack() as started:
        folder = Path(started.enter_context(tempfile.TemporaryDirectory()))
        kafka = started.enter_context(EmbeddedKafka())
        site = Site(kafka.bootstrap, lambda name: f"{name}.users", folder, TOPIC_EVENTS="users.events")
        site.create_vendor_topics()
        workers = [started.enter_context(site.worker()) for _ in range(2)]
        for worker in workers:
            worker.wait_ready()
        targets = [worker.url.removeprefix("http://") for worker in workers]
        monitored = started.enter_context(monitoring(folder, targets))
        wait_scraped(monitored)
        began = time.time()
        started.enter_context(Feeder(site))
        time.sleep(seconds * 2 / 3)
        workers[1].kill()
        time.sleep(seconds / 3)
        target.write_text(picture(_charts(monitored, began)), "utf-8")


if __name__ == "__main__":
    main()
