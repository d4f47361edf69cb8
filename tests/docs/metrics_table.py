"""Makes the table of all metrics in docs/operators.md."""

from collections.abc import Iterator
from typing import Final, NamedTuple

from prometheus_client.metrics import MetricWrapperBase

from app.age_histogram import AgeHistogram
from app.metrics import Metrics

# The endings that Prometheus' text format adds to the names of these types.
_SUFFIXES: Final = {"counter": "_total", "info": "_info"}


class Described(NamedTuple):
    """A metric: the name that Prometheus shows, its type, its labels, and what it tells."""

    name: str
    type: str
    labels: tuple[str, ...]
    help: str


def metrics_table() -> str:
    """Returns Markdown with one row a metric."""
    rows = []
    for metric in described():
        labels = ", ".join(f"`{label}`" for label in metric.labels)
        rows.append(f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |\n")
    return "| metric | type | labels | what it tells |\n|---|---|---|---|\n" + "".join(rows)


def described() -> Iterator[Described]:
    """Yields all metrics of a worker."""
    for collector in collectors():
        (family,) = collector.describe()
        name = family.name + _SUFFIXES.get(family.type, "")
        yield Described(name, family.type, _labels_of(collector), family.documentation)


def collectors() -> Iterator[MetricWrapperBase | AgeHistogram]:
    """Yields what makes each metric of a worker. A scrape shows no labels before something is counted."""
    for collector in Metrics().registry._collector_to_names:
        assert isinstance(collector, MetricWrapperBase | AgeHistogram)
        yield collector


def _labels_of(collector: MetricWrapperBase | AgeHistogram) -> tuple[str, ...]:
    return collector.labels if isinstance(collector, AgeHistogram) else tuple(collector._labelnames)
