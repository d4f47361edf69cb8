"""Workers are killed, leave and join."""

import signal
from functools import partial

from tests.tools.faults.cases.case import LONG_SESSION, Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.pods import Pod
from tests.tools.faults.stage import Stage

RATE = 2_000


def _kill(stage: Stage, *pods: Pod) -> None:
    stage.wait_ready()
    stage.work_left()
    for pod in pods:
        pod.signal(signal.SIGKILL)


def _kill_one(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(RATE, events):
        for _ in range(3):
            _kill(stage, stage.pods[0])
            stage.recovered()


def _kill_both(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(RATE, events):
        _kill(stage, *stage.pods)
        stage.recovered()


def _kill_in_bursts(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Kills workers in two bursts of ten: as soon as one runs again, it or the other one is killed."""
    stage.steady()
    with stage.flow(RATE, events):
        for _ in range(2):
            for number in range(10):
                pod = stage.pods[number % 2]
                _kill_soon(stage, pod)
            stage.recovered()


def _kill_soon(stage: Stage, pod: Pod) -> None:
    stage.wait(lambda: pod.alive, "a process to kill", 30.0)
    stage.work_left()
    pod.kill()


def _kill_static(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Nobody waits for the end of a session: it is longer than a case may take to recover."""
    _static_pair(stage)
    with stage.flow(RATE, events):
        for pods in (stage.pods[:1], stage.pods[1:], stage.pods):
            _kill(stage, *pods)
            stage.recovered()


def _static_pair(stage: Stage) -> None:
    for number in (1, 2):
        stage.pod(GROUP_INSTANCE_ID=f"static-{number}")
    stage.wait_ready()


def _die(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Nobody waits for the end of a session here either: who ends with code 70 leaves the group before."""
    stage.steady(hooked=True, FAULTS_MORTAL="1")
    # The wait for a session is seen at any rate; at this one it is not taken for a machine that is too slow.
    with stage.flow(RATE // 4, events):
        for pod in stage.pods * 2:
            stage.wait_ready()
            stage.work_left()
            deaths = len(pod.exits)
            pod.signal(signal.SIGUSR1)
            stage.wait(partial(_is_dead, pod, deaths), "the end of a worker that was told to die", 30.0)
            stage.recovered()


def _is_dead(pod: Pod, deaths: int) -> bool:
    if pod.exits[deaths:] not in ([], [70]):
        raise CaseFailed(f"a worker that was told to die ended with {pod.exits[deaths:]}")
    return len(pod.exits) > deaths


def _terminate(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    _restart_in_turn(stage, events)


def _roll_static(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Nobody waits for the end of a session, and the group does not rebalance."""
    _static_pair(stage)
    _restart_in_turn(stage, events)


def _restart_in_turn(stage: Stage, events: int) -> None:
    with stage.flow(RATE, events):
        for pod in stage.pods * 2:
            stage.work_left()
            pod.terminate()
            stage.wait_ready()
        stage.recovered()


def _join_and_leave(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(RATE, events):
        for _ in range(2):
            stage.work_left()
            third = stage.pod()
            stage.wait_ready()
            stage.recovered()
            stage.work_left()
            stage.leave(third)
            stage.recovered()


CASES = [
    Case(name="kill-one", fault="kill -9 of one of two workers, three times", play=_kill_one),
    Case(name="kill-both", fault="kill -9 of both workers", play=_kill_both),
    Case(name="kill-bursts", fault="kill -9 of two workers in turn, in bursts of ten", play=_kill_in_bursts),
    Case(
        name="kill-static",
        fault="static members: kill -9 of each of two workers, then of both, with a session of 120 s",
        play=_kill_static,
        settings={"SESSION_TIMEOUT": LONG_SESSION},
    ),
    Case(
        name="exit-70",
        fault="each of two workers ends with code 70, twice, with a session of 120 s",
        play=_die,
        settings={"SESSION_TIMEOUT": LONG_SESSION},
    ),
    Case(
        name="sigterm",
        fault="SIGTERM of two workers in turn, twice",
        play=_terminate,
        repeats_nothing=True,
        tells_delays=True,
        settings={"SESSION_TIMEOUT": "10"},
    ),
    Case(
        name="roll-static",
        fault="static members: SIGTERM of two workers in turn, twice, with a session of 120 s",
        play=_roll_static,
        repeats_nothing=True,
        tells_delays=True,
        settings={"SESSION_TIMEOUT": LONG_SESSION},
    ),
    Case(
        name="join-leave",
        fault="a third worker joins and leaves, twice",
        play=_join_and_leave,
        repeats_nothing=True,
        settings={"SESSION_TIMEOUT": "10"},
    ),
]
