"""The picture of the comparison: the CPU time an event of all systems. Pure."""

from collections.abc import Mapping, Sequence
from typing import Final

from tests.tools.bench import bars
from tests.tools.bench.bars import Bar, Group
from tests.tools.bench.peers.job import Shape
from tests.tools.bench.peers.measurement import OURS, Summary, name_of

_TITLES: Final[dict[Shape, str]] = {
    "map": "bodies to canonical events",
    "full": "bodies to canonical events to both tables",
}


def svg(found: Sequence[Summary], titles: Mapping[str, str]) -> str:
    """Returns the picture: for each workload and shape a bar for each system, the fastest first. `titles`:
    the systems' names for people."""
    groups: dict[str, list[Summary]] = {}
    for each in found:
        name = name_of(each.workload, _TITLES[each.shape]).replace("/", ": ")
        groups.setdefault(f"{name}, microseconds of CPU an event", []).append(each)
    return bars.svg(
        [
            Group(title, [_bar(each, titles) for each in sorted(group, key=lambda it: it.least_cpu_micros)])
            for title, group in groups.items()
        ]
    )


def _bar(summary: Summary, titles: Mapping[str, str]) -> Bar:
    ours = summary.system == OURS
    ratio = f"({min(summary.ratios):.1f} times)" if summary.ratios and not ours else ""
    return Bar(titles[summary.system], [run.cpu_micros for run in summary.runs], ours, ratio)
