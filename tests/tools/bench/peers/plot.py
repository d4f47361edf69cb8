"""Draws the CPU time an event of all systems as an SVG picture. Pure."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final

from tests.tools.bench.peers.job import Shape
from tests.tools.bench.peers.measurement import OURS, Summary, name_of

_TITLES: Final[dict[Shape, str]] = {
    "map": "bodies to canonical events",
    "full": "bodies to canonical events to both tables",
}
_WIDTH: Final = 760
_LABEL: Final = 150
_BAR: Final = 430
_ROW: Final = 26
_HEAD: Final = 34
_LOOK: Final = f'width="{_WIDTH}" font-family="sans-serif" font-size="13"'
_OURS, _PEER, _RUN = "#0b7285", "#adb5bd", "#343a40"


def svg(found: Sequence[Summary], titles: dict[str, str]) -> str:
    """Returns the picture: a bar for each system, as long as its least CPU time, and a dot for each run.
    `titles`: the systems' names for people."""
    groups = dict.fromkeys((each.workload, each.shape) for each in found)
    lines, top = list[str](), 0
    for workload, shape in groups:
        group = [each for each in found if (each.workload, each.shape) == (workload, shape)]
        title = name_of(workload, _TITLES[shape]).replace("/", ", ")
        lines += _group(title, sorted(group, key=lambda each: each.least_cpu_micros), titles, top)
        top += _HEAD + _ROW * len(group) + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 4}" {_LOOK}>',
            f'<rect width="{_WIDTH}" height="{top + 4}" fill="#ffffff"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _group(title: str, group: Sequence[Summary], titles: dict[str, str], top: int) -> Iterator[str]:
    longest = max(run.cpu_micros for each in group for run in each.runs)
    yield (
        f'<text x="8" y="{top + 22}" font-weight="bold">{escape(title)}: microseconds of CPU an event</text>'
    )
    for number, each in enumerate(group):
        y = top + _HEAD + number * _ROW
        width = each.least_cpu_micros / longest * _BAR
        colour = _OURS if each.system == OURS else _PEER
        yield f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(titles[each.system])}</text>'
        yield f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_ROW - 8}" fill="{colour}"/>'
        for run in each.runs:
            x = _LABEL + run.cpu_micros / longest * _BAR
            yield f'<circle cx="{x:.1f}" cy="{y + (_ROW - 8) / 2:g}" r="2.5" fill="{_RUN}"/>'
        ratio = f" ({min(each.ratios):.1f} times)" if each.ratios and each.system != OURS else ""
        right = _LABEL + max(run.cpu_micros for run in each.runs) / longest * _BAR + 8
        yield f'<text x="{right:.1f}" y="{y + 14}">{each.least_cpu_micros:,.1f}{ratio}</text>'
