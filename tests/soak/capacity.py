"""How much the workers can take on this machine, beside everything else that runs on it."""

import time

from app.vendors import VENDORS
from tests.faults.stage import Stage
from tests.faults.watch import Offsets

_WARM_UP_SECONDS = 5.0
_MEASURED_SECONDS = 20.0
_UNCOMMITTED = 20_000
"""As many records and events wait at any time: enough to keep workers busy between two commits, and the
canonical topic cannot fall behind unseen."""
_ANSWER_SECONDS = 30.0


def measure_capacity(stage: Stage) -> float:
    """Source records committed a second while there is always enough to do."""
    topics = {stage.settings.topic_of(vendor) for vendor in VENDORS}

    def look() -> tuple[float, int, Offsets]:
        seen = stage.wait(stage.watch.look, "an answer of the broker", _ANSWER_SECONDS)
        return time.monotonic(), sum(at for (topic, _), at in seen.committed.items() if topic in topics), seen

    def push(seconds: float) -> tuple[float, int]:
        """Returns when it was over and what was committed then."""
        deadline = time.monotonic() + seconds
        while True:
            now, done, seen = look()
            if now >= deadline:
                return now, done
            # What the load has not yet got rid of stands behind no end offset.
            queued = stage.load.published - sum(end for (name, _), end in seen.ends.items() if name in topics)
            stage.load.publish(max(_UNCOMMITTED - queued - seen.lag(), 0))

    began, before = push(_WARM_UP_SECONDS)
    ended, after = push(_MEASURED_SECONDS)
    return (after - before) / (ended - began)
