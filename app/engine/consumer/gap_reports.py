"""Says what became of a fetch that did not begin at the expected offset."""

import logging

from app.engine.consumer.assignment import FetchDecision
from app.engine.observer import EngineObserver
from app.engine.slices import Partition

logger = logging.getLogger(__name__)


def report_gap(
    observer: EngineObserver, decision: FetchDecision, partition: Partition, expected: int | None, seen: int
) -> None:
    """Tells the observer, and logs one line if records are lost: nobody else would say so. `expected` is None
    if the partition is not assigned any more."""
    if expected is None:
        return
    match decision:
        case FetchDecision.REREAD:
            observer.gap(*partition, expected, seen)
        case FetchDecision.MISSING:
            observer.missing(*partition, expected, seen)
            logger.error(
                "%s/%d: the broker deleted %d offsets before they were read, %d to %d (by its retention, or"
                " because somebody deleted records)",
                *(*partition, seen - expected, expected, seen - 1),
            )
        case FetchDecision.TRUNCATED:
            observer.truncated(*partition, expected, seen)
            logger.error(
                "%s/%d: the log ends before offset %d, which was to be read next: it was truncated, or the"
                " topic was created again; it is read from offset %d",
                *(*partition, expected, seen),
            )
        case FetchDecision.DISPATCH | FetchDecision.STALE:
            pass
