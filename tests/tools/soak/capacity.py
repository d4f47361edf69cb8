"""Measures how many records a second the workers can handle on this machine, with everything else that runs
on it."""

import time

from app.vendors import VENDORS
from tests.tools.faults.stage import Stage
from tests.tools.faults.watch import Offsets

_WARM_UP_SECONDS = 5.0
_MEASURED_SECONDS = 20.0
_UNCOMMITTED = 20_000
"""The number of records and events that wait at any time: enough to keep workers busy between two commits.
Events count too, so the canonical topic cannot fall behind unseen."""
_ANSWER_SECONDS = 30.0


def measure_capacity(stage: Stage) -> float:
    """Returns the source records that are committed a second if there is always enough to do."""
    topics = {stage.settings.topic_of(vendor) for vendor in VENDORS}

    def look() -> tuple[float, int, Offsets]:
        seen = stage.wait(stage.watch.look, "an answer of the broker", _ANSWER_SECONDS)
        return time.monotonic(), sum(at for (topic, _), at in seen.committed.items() if topic in topics), seen

    def push(seconds: float) -> tuple[float, int]:
        """Keeps the workers busy for so long; returns the time at the end and the records committed by
        then."""
        deadline = time.monotonic() + seconds
        while True:
            now, done, seen = look()
            if now >= deadline:
                return now, done
            # Records that the load has queued and not yet sent are in no end offset.
            queued = stage.load.published - sum(end for (name, _), end in seen.ends.items() if name in topics)
            stage.load.publish(max(_UNCOMMITTED - queued - seen.lag(), 0))

    began, before = push(_WARM_UP_SECONDS)
    ended, after = push(_MEASURED_SECONDS)
    return (after - before) / (ended - began)
