"""How a quantity moves over time."""

import statistics
from collections.abc import Sequence


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Units of the second by one of the first, by least squares; None where a line needs more points."""
    if len({at for at, _ in points}) < 2:
        return None
    at, values = zip(*points, strict=True)
    return statistics.linear_regression(at, values).slope


def settled(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Without the first fifth: there caches and tables still fill."""
    return points[len(points) // 5 :]
