"""Measures a restart with a million users: how fast both changelogs are read back, and how much memory the
rows need. With `--versions 10` also a restart from logs that have ten versions of each row."""

from collections.abc import Callable
from statistics import median
from typing import Final, NamedTuple

from app.settings import Settings
from tests.tools.bench.figures import Figure, Report
from tests.tools.bench.options import BenchOptions
from tests.tools.bench.rows import publish_rows
from tests.tools.bench.worker import fresh_settings, rollcall, scraped

_USERS: Final = 1_000_000


class _Restart(NamedTuple):
    by_wall: float
    by_cpu: float
    resident: float
    peak: float


def run_restore(options: BenchOptions) -> Report:
    users = options.scaled(_USERS)
    restart, size = _logs(options, users, options.versions, each_once=True)
    several, _ = _logs(options, users // options.versions, options.versions)
    singles, multiples = [], []
    for _ in range(options.rounds):
        # In turn, so a drift of the machine affects both.
        singles.append(restart())
        if options.versions > 1:
            multiples.append(several())
    report = Report(
        _figures(f"{users:,} users", singles),
        [
            (
                f"restore: one users row and one loyalty row a user, {size // users:,} bytes a user with the"
                f" keys, {_entries(options.versions)} in the loyalty row; each row is once in its log. One"
                " producer has written all of them. Versions of a row that other processes have written are"
                " compared or merged, and take longer."
            ),
            (
                "restore: all CPU until ready includes the interpreter, imports and the join of the group."
                " The worker has one core if the system can pin it; the broker has the others."
            ),
        ],
    )
    if multiples:
        _compare(report, options.versions, singles, multiples)
    return report


def _logs(
    options: BenchOptions, users: int, versions: int, *, each_once: bool = False
) -> tuple[Callable[[], _Restart], int]:
    """Returns what measures a restart from new changelogs, and the size of their rows."""
    settings = fresh_settings(options.broker)
    partitions = settings.partitions_events
    size = publish_rows(options.broker, settings.changelogs, users, partitions, versions, each_once=each_once)
    return lambda: _restart(options, settings), size


def _entries(versions: int) -> str:
    return "one entry" if versions == 1 else f"1 to {versions} entries"


def _restart(options: BenchOptions, settings: Settings) -> _Restart:
    with rollcall(settings, options.core) as process:
        found = scraped(settings)
        records = found["rollcall_recovered_records_total"]
        return _Restart(
            records / found["rollcall_recovery_seconds"],
            records / process.cpu_seconds(),
            process.resident_bytes() / 1e9,
            process.peak_bytes() / 1e9,
        )


def _figures(name: str, restarts: list[_Restart]) -> list[Figure]:
    by_wall, by_cpu, resident, peak = (list(each) for each in zip(*restarts, strict=True))
    return [
        Figure("restore", f"{name}, the restore only", "rows/s wall", by_wall, "200,000"),
        Figure("restore", f"{name}, all CPU until ready", "rows/CPU s", by_cpu, "200,000"),
        Figure("restore", f"resident with both rows of {name}", "GB", resident, "at most 1.5"),
        Figure("restore", f"largest resident size, {name}", "GB", peak),
    ]


def _compare(report: Report, versions: int, singles: list[_Restart], multiples: list[_Restart]) -> None:
    """Adds the figures of a log with several versions of a row. Both logs have as many records, of the same
    sizes."""
    ratios = [many.by_cpu / one.by_cpu for one, many in zip(singles, multiples, strict=True)]
    name = f"{versions} versions a row"
    report.figures += [
        Figure("restore", f"{name}, all CPU until ready", "rows/CPU s", [each.by_cpu for each in multiples]),
        Figure("restore", f"{name}, to one version", "times", ratios, "0.8"),
    ]
    report.caveats.append(
        f"restore: {name}, to one version: {median(ratios):.2f} times the rows a CPU second (median)"
    )
