"""kill -9 at each boundary of the engine: one case for each point."""

from functools import partial

from tests.tools.faults.cases.case import SHORT_SESSION, Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.points import KILL_POINTS, POINTS
from tests.tools.faults.stage import Stage

_RATE = 1_500


def _kill_at(point: str, stage: Stage, _cluster: Cluster, events: int) -> None:
    if stage.demands_speed:
        hooked = stage.pod(point=point, FAULTS_SESSION=SHORT_SESSION)
    else:
        hooked = stage.pod(point=point)
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
