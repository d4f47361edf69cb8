"""The result of a bench: figures in a table, and below it what one has to know to read them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Figure:
    """One measured quantity. `values`: in the order of the rounds; `goal`: as text for people."""

    bench: str
    what: str
    unit: str
    values: Sequence[float]
    goal: str = ""


@dataclass(slots=True)
class Report:
    """The figures of one bench, and what one has to know to read them."""

    figures: list[Figure] = field(default_factory=list)
    caveats: list[str] = field(default_factory=list)
    summary: str = ""
    """One line for programs, which is printed at the end."""
    picture: str = ""
    """An SVG picture of the figures."""


def show(console: Console, reports: Sequence[Report]) -> None:
    table = Table(title="Rollcall's benches", title_justify="left")
    for column in ("bench", "figure", "unit"):
        table.add_column(column)
    for column in ("rounds", "min", "median", "max", "goal"):
        table.add_column(column, justify="right")
    for report in reports:
        for figure in report.figures:
            values = figure.values
            spread = [_number(each) for each in (min(values), median(values), max(values))]
            table.add_row(figure.bench, figure.what, figure.unit, str(len(values)), *spread, figure.goal)
        table.add_section()
    console.print(table)
    for report in reports:
        for caveat in report.caveats:
            console.print(f"- {caveat}", highlight=False)
    for report in reports:
        if report.summary:
            console.print(report.summary, highlight=False, soft_wrap=True)


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.2f}"
