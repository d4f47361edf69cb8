"""Measures for how long the same thing lasts, without a clock of its own."""


class Stopwatch:
    """Measures for how long the same mark has been seen."""

    def __init__(self) -> None:
        self._mark: object = None
        self._seconds = 0.0

    def measure(self, mark: object, step: float) -> float:
        """Returns for how many seconds this mark has been seen; 0.0 if it is new or None. `step` is the time
        in seconds since the last call."""
        self._seconds = self._seconds + step if mark is not None and mark == self._mark else 0.0
        self._mark = mark
        return self._seconds
