"""kill -9 at each boundary of the lane, one case a point."""

import os
from functools import partial

from tests.faults.cases.case import Case
from tests.faults.cluster import Cluster
from tests.faults.points import KILL_POINTS, POINTS
from tests.faults.stage import Stage

_RATE = 1_500
# The embedded broker allows 2 s, others 6 s at the least.
_SESSION_SECONDS = "6" if os.environ.get("BROKER_URL") else "2"


def _kill_at(point: str, stage: Stage, _cluster: Cluster, events: int) -> None:
    hooked = stage.pod(point=point, FAULTS_SESSION=_SESSION_SECONDS)
    stage.wait_ready()
    with stage.flow(_RATE, events):
        stage.work_left()
        stage.arm()
        match POINTS[point].needs:
            case "a restart":
                hooked.kill()
            case "a rebalance":
                stage.pod()
            case "nothing":
                pass
        stage.wait_fired()
        stage.recovered()


CASES = [
    Case(
        name="kill-" + "".join(letter if letter.isalnum() else "-" for letter in point).replace("--", "-"),
        fault=f"kill -9: {point}",
        play=partial(_kill_at, point),
    )
    for point in KILL_POINTS
]
