"""The part that the state agent makes of a slice."""

from collections import Counter
from collections.abc import Sequence
from time import time_ns

from app.applied_events import AppliedEvents
from app.metrics import Metrics
from app.outcome import Dead
from app.state import Effect

Verdict = Effect | Dead
"""What became of a canonical record."""


class AppliedPart:
    """What the agent has appended of a slice: rows and dead letters (`Part` of the engine)."""

    def __init__(
        self, verdicts: Sequence[Verdict], metrics: Metrics, events: AppliedEvents | None = None
    ) -> None:
        """`verdicts`: one on each record of the part. `events`: what was noted of its events; None if it has
        none."""
        self._verdicts = verdicts
        self._events = events or AppliedEvents()
        self._metrics = metrics

    def settle(self) -> bool:
        """Returns False: nothing is left to append. If a broker refuses a row, the worker ends."""
        return False

    def count(self) -> None:
        """Counts the verdicts. Called when the rows and dead letters are acknowledged."""
        metrics, events = self._metrics, self._events
        for verdict, count in Counter(self._verdicts).items():
            if isinstance(verdict, Dead):
                metrics.canonical_dead.labels(verdict.reason).inc(count)
                metrics.dead_letters.labels("canonical", verdict.reason).inc(count)
            else:
                metrics.effects.labels(verdict).inc(count)
        metrics.duplicates.inc(events.duplicates)
        for vendor, count in events.ahead.items():
            metrics.ahead.labels(vendor).inc(count)
        metrics.delays.applied_to_rows(events.recorded, time_ns() // 1000)
