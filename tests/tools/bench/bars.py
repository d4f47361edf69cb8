"""Draws groups of bars as an SVG picture. Pure."""

from collections.abc import Iterator, Sequence
from html import escape
from typing import Final, NamedTuple

_WIDTH: Final = 760
_LABEL: Final = 150
_BAR: Final = 430
_ROW: Final = 26
_HEAD: Final = 34
_LOOK: Final = f'width="{_WIDTH}" font-family="sans-serif" font-size="13"'
_OURS, _OTHER, _VALUE = "#0b7285", "#adb5bd", "#343a40"


class Bar(NamedTuple):
    """What was measured several times. `ours`: whether it is of Rollcall; `note` is said after the number."""

    label: str
    values: Sequence[float]
    ours: bool = True
    note: str = ""


class Group(NamedTuple):
    """Bars with one scale."""

    title: str
    bars: Sequence[Bar]


def svg(groups: Sequence[Group]) -> str:
    """Returns the picture: each bar is as long as its least value, and has a dot for each value."""
    lines, top = list[str](), 0
    for group in groups:
        lines += _drawn(group, top)
        top += _HEAD + _ROW * len(group.bars) + 10
    return "\n".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {top + 4}" {_LOOK}>',
            f'<rect width="{_WIDTH}" height="{top + 4}" fill="#ffffff"/>',
            *lines,
            "</svg>\n",
        ]
    )


def _drawn(group: Group, top: int) -> Iterator[str]:
    longest = max(value for bar in group.bars for value in bar.values)
    yield f'<text x="8" y="{top + 22}" font-weight="bold">{escape(group.title)}</text>'
    for number, bar in enumerate(group.bars):
        y = top + _HEAD + number * _ROW
        width = min(bar.values) / longest * _BAR
        colour = _OURS if bar.ours else _OTHER
        yield f'<text x="{_LABEL - 8}" y="{y + 14}" text-anchor="end">{escape(bar.label)}</text>'
        yield f'<rect x="{_LABEL}" y="{y}" width="{width:.1f}" height="{_ROW - 8}" fill="{colour}"/>'
        for value in bar.values:
            x = _LABEL + value / longest * _BAR
            yield f'<circle cx="{x:.1f}" cy="{y + (_ROW - 8) / 2:g}" r="2.5" fill="{_VALUE}"/>'
        right = _LABEL + max(bar.values) / longest * _BAR + 8
        note = escape(f"{min(bar.values):,.1f} {bar.note}".rstrip())
        yield f'<text x="{right:.1f}" y="{y + 14}">{note}</text>'
