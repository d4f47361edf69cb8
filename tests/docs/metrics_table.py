"""Makes the table of all metrics in docs/operators.md."""

from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from app.metrics import Metrics

# The endings that Prometheus' text format adds to the names of these types.
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}


def metrics_table() -> str:
    """Returns Markdown with one row a metric, which has the name that Prometheus shows."""
    rows = []
    # Labels are taken from the collectors, because a scrape shows none before something is counted.
    for collector in Metrics().registry._collector_to_names:
        assert isinstance(collector, MetricWrapperBase)
        (family,) = collector.describe()
        name = family.name + _SUFFIXES.get(family.type, "")
        labels = ", ".join(f"`{label}`" for label in collector._labelnames)
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n")
    return "| metric | type | labels | what it tells |\n|---|---|---|---|\n" + "".join(rows)
