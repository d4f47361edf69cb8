"""Checks PromQL: whether it can be parsed, and whether the series and the labels that it names exist."""

import re
from collections.abc import Iterator
from typing import Any, Final

from tests.deploy.tools import module
from tests.docs.metrics_table import described

# Prometheus gives these labels to every series that it scrapes.
_SCRAPED: Final = frozenset({"job", "instance"})
_OTHERS: Final = {"up": _SCRAPED, "ALERTS": frozenset({"alertname", "alertstate", "severity"})}
_SUFFIXES: Final = {"counter": ("", "_created"), "histogram": ("_bucket", "_sum", "_count", "_created")}


def series() -> dict[str, frozenset[str]]:
    """Returns the labels of each series of a worker, by its name."""
    found: dict[str, frozenset[str]] = dict(_OTHERS)
    for metric in described():
        labels = _SCRAPED | set(metric.labels)
        for suffix in _SUFFIXES.get(metric.type, ("",)):
            base = metric.name.removesuffix("_total") if suffix == "_created" else metric.name
            found[base + suffix] = labels | {"le"} if suffix == "_bucket" else labels
    return found


def problems(expression: str, known: dict[str, frozenset[str]]) -> list[str]:
    """Returns what an expression names that does not exist: series and labels. Raises ValueError if it is no
    PromQL, or if a function gets another type than it takes."""
    tree = module("promql_parser").parse(expression.replace("$__rate_interval", "5m"))
    wrong = []
    for node in _nodes(tree):
        if _kind(node) == "VectorSelector":
            named = {matcher.name for matcher in node.matchers.matchers}
            if node.name not in known:
                wrong.append(node.name)
            else:
                wrong += sorted(f"{node.name}{{{label}}}" for label in named - known[node.name])
        elif _kind(node) == "AggregateExpr" and node.modifier is not None:
            inside = [each.name for each in _nodes(node.expr) if _kind(each) == "VectorSelector"]
            wrong += [
                f"{name} by {label}"
                for name in inside
                for label in node.modifier.labels
                if label not in known.get(name, ())
            ]
    return wrong


def recorded(name: str) -> frozenset[str]:
    """Returns the labels of a series that a rule records, by its name: level:metric:operation."""
    level = re.match(r"([a-z_]+):", name)
    assert level, f"{name} does not begin with its labels"
    return frozenset({"job", *level[1].split("_")})


def _kind(node: Any) -> str:
    return type(node).__name__


def _nodes(node: Any) -> Iterator[Any]:
    yield node
    for name in ("lhs", "rhs", "expr", "vector_selector"):
        if (child := getattr(node, name, None)) is not None:
            yield from _nodes(child)
    for child in getattr(node, "args", ()):
        yield from _nodes(child)
