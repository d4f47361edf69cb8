"""The limits of `make bench-check`, and the judgement by them. Pure, but for the file of the limits."""

import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from msgspec import Struct, convert

FILE: Final = Path(__file__).with_name("limits.toml")

Ratios = Mapping[str, float]
"""By name: `selfcommunity/convert/floor`."""


class Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """`known`: the ratios when they were last written. `margin`: a ratio may be larger than the known one by
    this share of it. `python`: the version of Python with which they were measured, `3.11`."""

    margin: float
    python: str
    known: dict[str, float]

    def of(self, name: str) -> float:
        """Returns the largest ratio that is allowed. Raises KeyError for a name without a known ratio."""
        return self.known[name] * (1 + self.margin)


def read_limits(file: Path = FILE) -> Limits:
    """Returns the limits. Raises OSError without the file, and ValueError if it holds no limits."""
    return convert(tomllib.loads(file.read_text("utf-8")), Limits)


def text_of(limits: Limits) -> str:
    """Returns the content of a file of these limits."""
    return "\n".join(
        [
            "# Written by `make bench-check ARGS=--write`; docs/performance.md#the-gate says when.",
            f"margin = {limits.margin:g}",
            f'python = "{limits.python}"',
            "",
            "[known]",
            *(f'"{name}" = {ratio:.2f}' for name, ratio in limits.known.items()),
            "",
        ]
    )


def exceeded(measured: Ratios, limits: Limits) -> Iterator[str]:
    """Yields the names of the ratios that are larger than their limit."""
    return (name for name, ratio in measured.items() if name in limits.known and ratio > limits.of(name))


def problems(measured: Ratios, limits: Limits) -> Iterator[str]:
    """Yields a line for each ratio that is larger than its limit, that has none, or that was not measured."""
    for name in exceeded(measured, limits):
        known, ratio = limits.known[name], measured[name]
        yield (
            f"{name}: {ratio:.2f} times, the limit is {limits.of(name):.2f} ({known:.2f} and"
            f" {limits.margin:.0%}): {ratio / known - 1:.0%} more than it was"
        )
    for name in measured.keys() - limits.known.keys():
        yield f"{name}: no limit; `make bench-check ARGS=--write` writes it"
    for name in limits.known.keys() - measured.keys():
        yield f"{name}: a limit of nothing that is measured"


def improvements(measured: Ratios, limits: Limits) -> Iterator[str]:
    """Yields the names of the ratios that are smaller than the known one by more than the margin: the limit
    no longer guards them."""
    for name, ratio in measured.items():
        if ratio * (1 + limits.margin) < limits.known.get(name, 0.0):
            yield name
