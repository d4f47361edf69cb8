"""The figures of a soak: a table for the terminal, and one for the docs."""

from collections.abc import Iterator
from statistics import median

from tests.tools.soak.figures import Figures, Half
from tests.tools.soak.kills import growth
from tests.tools.soak.sampler import Usage
from tests.tools.soak.trend import settled, slope

Row = tuple[str, str]
"""The name of a figure with its unit, and its value."""


def rows(figures: Figures) -> list[Row]:
    account = figures.account
    return [
        ("minutes of constant load", f"{figures.minutes:.1f}"),
        ("capacity, records/s", f"{figures.capacity:,.0f}"),
        ("load, records/s", f"{figures.rate:,.0f}"),
        ("records in all", f"{account.records:,}"),
        ("kills", f"{len(figures.kills)}"),
        ("lost", f"{account.lost}"),
        ("wrong rows", f"{account.wrong_rows} of {account.rows:,}"),
        *_half("first half", figures.quiet),
        *_half("half with kills", figures.killing),
        *_kills(figures),
        *(row for name in _names(figures) for row in _worker(name, figures)),
    ]


def _kills(figures: Figures) -> Iterator[Row]:
    kills = figures.kills
    for number, kill in enumerate(kills, 1):
        parts = f"{kill.ready:.2f} / {kill.reading:.2f} / {kill.records:,} / {kill.rest:.2f}"
        yield f"kill {number}: all ready after, s / of it reading, s / records read / the rest, s", parts
    yield "kills: all ready after, median / largest, s", _spread([kill.ready for kill in kills])
    yield "kills: of it reading, median / largest, s", _spread([kill.reading for kill in kills])
    yield "kills: the rest, median / largest, s", _spread([kill.rest for kill in kills])
    yield "kills: bound of the rest, s", f"{figures.bound:.2f}"
    yield "kills: the rest grows from the first to the last by, s", _number(growth(_rests(figures)))
    yield "kills: reading, us a record", _number(_micros_a_record(figures))
    yield "kills: all caught up after, median / largest, s", _spread([kill.caught_up for kill in kills])


def _rests(figures: Figures) -> list[float]:
    return [kill.rest for kill in figures.kills]


def _micros_a_record(figures: Figures) -> float | None:
    """Returns the time by the clock: other programs slow it down."""
    records = sum(kill.records for kill in figures.kills)
    return sum(kill.reading for kill in figures.kills) / records * 1e6 if records else None


def summary(figures: Figures) -> str:
    """Returns one line for programs. Times are seconds, but for `us_a_record`."""
    account, kills = figures.account, figures.kills
    counts = {
        "records": account.records,
        "lost": account.lost,
        "wrong_rows": account.wrong_rows,
        "kills": len(kills),
    }
    values = {
        "capacity": figures.capacity,
        "load": figures.rate,
        "p99": figures.quiet.latencies.percentile(0.99),
        "ready/max": max((kill.ready for kill in kills), default=None),
        "reading/max": max((kill.reading for kill in kills), default=None),
        "reading/us_a_record": _micros_a_record(figures),
        "rest/max": max(_rests(figures), default=None),
        "rest/bound": figures.bound,
        "rest/growth": growth(_rests(figures)),
        "caught_up/max": max((kill.caught_up for kill in kills), default=None),
    }
    told = [f"soak/{name} {count}" for name, count in counts.items()]
    return " ".join([*told, *(f"soak/{name} {_number(value)}" for name, value in values.items())])


def _half(name: str, half: Half) -> Iterator[Row]:
    p50, p99 = (half.latencies.percentile(share) for share in (0.5, 0.99))
    yield f"{name}: latency p50 / p99, s", f"{_number(p50)} / {_number(p99)}"
    lags = [each.lag for each in half.samples if each.lag is not None]
    yield f"{name}: lag median / largest, s", _spread(lags)


def _worker(name: str, figures: Figures) -> Iterator[Row]:
    quiet, killing = (_seen(name, half) for half in (figures.quiet, figures.killing))
    memory = [(minute, usage.resident) for minute, usage in quiet]
    yield f"{name}, first half: RSS slope, MB/min", _number(slope(settled(memory)))
    yield f"{name}, first half: RSS begin / end, MB", _ends([value for _, value in memory])
    largest = max((usage.resident for _, usage in killing), default=None)
    yield f"{name}, half with kills: RSS largest, MB", _number(largest)
    files = [usage.files for _, usage in [*quiet, *killing]]
    yield f"{name}: open files begin / largest / end", f"{files[0]} / {max(files)} / {files[-1]}"


def _names(figures: Figures) -> list[str]:
    return sorted(
        {name for half in (figures.quiet, figures.killing) for each in half.samples for name in each.workers}
    )


def _seen(name: str, half: Half) -> list[tuple[float, Usage]]:
    return [(each.minute, each.workers[name]) for each in half.samples if name in each.workers]


def _ends(values: list[float]) -> str:
    return f"{values[0]:.1f} / {values[-1]:.1f}" if values else "-"


def _spread(values: list[float]) -> str:
    return f"{median(values):.2f} / {max(values):.2f}" if values else "-"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.2f}"


def table(figures: Figures) -> str:
    cells = rows(figures)
    left, right = (max(len(row[column]) for row in cells) for column in (0, 1))
    lines = [f"{what:{left}}  {value:>{right}}" for what, value in cells]
    return "\n".join([*lines, *(f"RED: {failure}" for failure in figures.failures())])


def markdown(figures: Figures) -> str:
    lines = ["| figure | |", "|---|---:|", *(f"| {what} | {value} |" for what, value in rows(figures))]
    lines += [f"| **(red)** | {failure} |" for failure in figures.failures()]
    return "\n".join(lines) + "\n"
