"""The table of the comparison."""

from collections.abc import Mapping, Sequence

from rich.table import Table

from tests.tools.bench.peers.measurement import Summary


def table_of(found: Sequence[Summary], titles: Mapping[str, str]) -> Table:
    """Returns a row for each summary. `titles`: the systems' names for people."""
    table = Table(title="Rollcall beside its peers", title_justify="left")
    for column in ("workload", "shape", "system"):
        table.add_column(column)
    for column in ("us of CPU an event, min", "all runs", "to Rollcall, in each round"):
        table.add_column(column, justify="right")
    table.add_column("wall s, median", justify="right")
    table.add_column("peak MB", justify="right")
    for each in found:
        table.add_row(
            each.workload,
            each.shape,
            titles[each.system],
            f"{each.least_cpu_micros:.1f}",
            " ".join(f"{run.cpu_micros:.1f}" for run in each.runs),
            " ".join(f"{ratio:.2f}" for ratio in each.ratios),
            f"{each.wall_seconds:.1f}",
            f"{each.peak_bytes / 1e6:,.0f}",
        )
    return table
