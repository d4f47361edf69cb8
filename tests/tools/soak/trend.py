"""How a quantity changes over time."""

import statistics
from collections.abc import Sequence


def slope(points: Sequence[tuple[float, float]]) -> float | None:
    """Returns the change of the second member for 1 of the first, by least squares. None if there are too few
    points for a line."""
    if len({at for at, _ in points}) < 2:
        return None
    at, values = zip(*points, strict=True)
    return statistics.linear_regression(at, values).slope


def settled(points: Sequence[tuple[float, float]]) -> Sequence[tuple[float, float]]:
    """Returns the points without the first fifth, in which caches and tables still grow."""
    return points[len(points) // 5 :]
