"""Makes the table of all metrics in docs/operators.md."""

from collections.abc import Iterator
from typing import Final

from prometheus_client.metrics import MetricWrapperBase

from app.age_histogram import AgeHistogram
from app.metrics import Metrics

# The endings that Prometheus' text format adds to the names of these types.
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}


def metrics_table() -> str:
    """Returns Markdown with one row a metric, which has the name that Prometheus shows."""
    rows = []
    for collector in collectors():
        (family,) = collector.describe()
        name = family.name + _SUFFIXES.get(family.type, "")
        labels = ", ".join(f"`{label}`" for label in _labels_of(collector))
        rows.append(f"| `{name}` | {family.type} | {labels} | {family.documentation} |\n")
    return "| metric | type | labels | what it tells |\n|---|---|---|---|\n" + "".join(rows)


def collectors() -> Iterator[MetricWrapperBase | AgeHistogram]:
    """Yields what makes each metric of a worker. A scrape shows no labels before something is counted."""
    for collector in Metrics().registry._collector_to_names:
        assert isinstance(collector, MetricWrapperBase | AgeHistogram)
        yield collector


def _labels_of(collector: MetricWrapperBase | AgeHistogram) -> tuple[str, ...]:
    return collector.labels if isinstance(collector, AgeHistogram) else tuple(collector._labelnames)
