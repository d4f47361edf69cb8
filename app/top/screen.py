"""Draws the status of workers for a terminal."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text

from app.status import Status
from app.top.totals import SourceTotals

_GOOD, _BAD = "green", "bold red"
_MEGABYTE: Final = 1_000_000
_UNITS: Final = ((86_400, "d"), (3_600, "h"), (60, "min"))


def draw(
    workers: Mapping[str, Status], sources: Sequence[SourceTotals], silent: Mapping[str, str]
) -> RenderableType:
    """Returns the picture of these workers, by their addresses. `silent`: what is wrong with those that have
    not answered, by address.

    What workers say is drawn without control characters, because another server may be at the address.
    """
    groups = ", ".join(sorted({status.group for status in workers.values()}))
    lines = [
        *(f"{status.instance}: {line}" for status in workers.values() for line in status.problems),
        *silent.values(),
    ]
    return Group(
        _text(f"group {groups}: {len(workers)} of {len(workers) + len(silent)} workers", "bold"),
        _sources(sources),
        _workers(workers.values()),
        *(_text(line, _BAD) for line in lines),
    )


def _sources(found: Iterable[SourceTotals]) -> Table:
    numbers = ("partitions", "records/s", "lag", "behind", "handled", "skipped", "dead")
    table = _table(["source", *numbers, "paused"], right=numbers)
    for each in found:
        table.add_row(
            _text(each.name),
            str(each.partitions),
            _number(each.rate),
            _number(each.lag_records),
            _time(each.lag_seconds),
            _number(each.handled),
            _number(each.skipped),
            _text(_number(each.dead), _BAD if each.dead else ""),
            _text(", ".join(f"{count}: {reason}" for reason, count in sorted(each.pauses.items())), _BAD),
        )
    return table


def _workers(found: Iterable[Status]) -> Table:
    numbers = ("up", "partitions", "rows", "MB", "fresh", "uncommitted", "unwritten", "rebalances")
    table = _table(["worker", "state", *numbers, "version"], right=numbers)
    for each in found:
        table.add_row(
            _text(each.instance),
            _text("ready", _GOOD) if each.ready else _text(_state(each), _BAD),
            _time(each.uptime_seconds),
            str(each.partitions),
            _number(sum(table.rows for table in each.tables)),
            _number(sum(table.bytes for table in each.tables) / _MEGABYTE),
            _share(each.latency.good, each.latency.total),
            _time(each.commit_age_seconds),
            _time(each.oldest_write_seconds),
            _number(each.rebalances),
            _text(each.version),
        )
    return table


def _state(status: Status) -> str:
    if status.restore is None:
        return "not ready"
    left = status.restore.seconds_left
    return "restoring" if left is None else f"restoring, {_time(left)} left"


def _table(names: Sequence[str], *, right: Sequence[str]) -> Table:
    columns = [Column(name, justify="right" if name in right else "left") for name in names]
    return Table(*columns, box=None, pad_edge=False, header_style="dim", padding=(0, 2, 0, 0))


def _text(words: str, style: str = "") -> Text:
    return Text("".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in words), style)


def _number(count: float | None) -> str:
    return "" if count is None else f"{count:,.0f}"


def _share(good: int, total: int) -> str:
    return f"{100 * good / total:.2f} %" if total else ""


def _time(seconds: float | None) -> str:
    if seconds is None:
        return ""
    for size, unit in _UNITS:
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.1f} s"
