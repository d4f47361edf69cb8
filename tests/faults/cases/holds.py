"""A vendor is held for its dead records; the hold outlives its worker, and nothing of it is lost."""

import signal

from tests.faults.cases.case import Case
from tests.faults.cluster import Cluster
from tests.faults.stage import Stage

_RATE = 2_000
_VENDOR = "magine"
# Enough for the limit in every partition, of which only a few slices are judged before the hold.
_BAD = 9_000


def _held(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(_RATE, events):
        stage.load.publish_bad(_VENDOR, _BAD)
        stage.wait(lambda: any(pod.holds(_VENDOR) for pod in stage.pods), "a hold", 30.0)
        stage.work_left()
        for pod in stage.pods:
            pod.signal(signal.SIGKILL)
        stage.wait(lambda: any(pod.holds(_VENDOR) for pod in stage.pods), "the same hold again", 60.0)
        stage.recovered(lambda: _resume(stage))
    stage.recovered(lambda: _resume(stage))


def _resume(stage: Stage) -> None:
    """What an operator does who wants the dead letters: each time that the limit is reached anew."""
    for pod in stage.pods:
        if pod.holds(_VENDOR):
            pod.resume(_VENDOR)


CASES = [
    Case(
        name="held",
        fault="a vendor held for its dead records, kill -9 of both workers, and rollcall resume",
        play=_held,
    )
]
