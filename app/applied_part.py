"""The part that the state agent makes of a slice."""

from collections import Counter
from collections.abc import Sequence

from app.metrics import Metrics
from app.outcome import Dead
from app.state import Effect

Verdict = Effect | Dead
"""What became of a canonical record."""


class AppliedPart:
    """What the agent has appended of a slice: rows and dead letters (`Part` of the engine)."""

    def __init__(self, verdicts: Sequence[Verdict], metrics: Metrics) -> None:
        """`verdicts`: one on each record of the part."""
        self._verdicts = verdicts
        self._metrics = metrics

    def settle(self) -> bool:
        """Returns False: nothing is left to append. If a broker refuses a row, the worker ends."""
        return False

    def count(self) -> None:
        """Counts the verdicts. Called when the rows and dead letters are acknowledged."""
        for verdict, count in Counter(self._verdicts).items():
            if isinstance(verdict, Dead):
                self._metrics.canonical_dead.labels(verdict.reason).inc(count)
            else:
                self._metrics.effects.labels(verdict).inc(count)
