"""A worker is stopped past its session timeout and wakes up: its rows land behind newer ones.

20,000 cold keys, each written once before and once during the pause: no later write hides a stale row.
"""

import signal

from tests.faults.cases.case import Case
from tests.faults.cluster import Cluster
from tests.faults.failed import CaseFailed
from tests.faults.points import FREEZE
from tests.faults.reading import stale_rows
from tests.faults.stage import RECOVERY_SECONDS, Stage
from tests.kafka import end_offsets

_RATE = 4_000
# Of each of the five vendors; some of their records are bad or about no user.
_USERS = 4_400


def _stopped(stage: Stage, _cluster: Cluster, events: int) -> None:
    """From outside, wherever it happens to be."""
    stage.steady()
    with stage.flow(_RATE, events // 2):
        stage.work_left()
        stage.pods[0].signal(signal.SIGSTOP)
        stage.recovered()
    _second_pass(stage, events)
    stage.pods[0].signal(signal.SIGCONT)
    _healed(stage)


def _stopped_before_write(stage: Stage, events: int) -> None:
    """At the worst moment: rows computed, lease checked, nothing sent yet."""
    stage.pod(point=FREEZE)
    stage.pod()
    stage.wait_ready()
    with stage.flow(_RATE, events // 2):
        stage.work_left()
        stage.arm()
        stage.wait_fired()
        stage.recovered()
    _second_pass(stage, events)


def _healed_by_guard(stage: Stage, _cluster: Cluster, events: int) -> None:
    """The worker that woke up does not come back: no rebalance, no recovery, only the guard can do it."""
    _stopped_before_write(stage, events)
    zombie = stage.pods[0]
    stage.abandon(zombie)
    zombie.signal(signal.SIGCONT)
    _healed(stage, must_be_stale=True)


def _healed_by_restart(stage: Stage, _cluster: Cluster, events: int) -> None:
    _stopped_before_write(stage, events)
    ends = _changelog_ends(stage)
    stage.pods[0].signal(signal.SIGCONT)
    stage.wait(lambda: _changelog_ends(stage) > ends, "the late write", 30.0)
    for pod in stage.pods:
        pod.kill()
    stale, last = stale_rows(stage.broker, stage.settings)
    stage.notes.append(f"{stale} stale rows written, {last} of them unhealed when all workers were killed")
    if not stale:
        raise CaseFailed("the late write left no stale row: nothing was shown")
    stage.wait(lambda: all(pod.exits for pod in stage.pods), "the end of both workers", 10.0)
    stage.wait_ready()
    stage.recovered()


def _second_pass(stage: Stage, events: int) -> None:
    stage.load.publish(max(events - stage.load.published, 0))
    stage.load.flush()
    stage.recovered()


def _healed(stage: Stage, *, must_be_stale: bool = False) -> None:
    """Nobody publishes, nobody does anything: the changelogs are healed within a minute."""

    def healed() -> bool:
        stale, last = stale_rows(stage.broker, stage.settings)
        return last == 0 and (stale > 0 or not must_be_stale)

    if must_be_stale:
        stage.wait(lambda: stale_rows(stage.broker, stage.settings)[0], "a stale row", 30.0)
    stage.wait(healed, "healed changelogs", RECOVERY_SECONDS)
    stale, _ = stale_rows(stage.broker, stage.settings)
    stage.notes.append(f"{stale} stale rows written, all healed")
    stage.wait_ready()
    stage.recovered()


def _changelog_ends(stage: Stage) -> int:
    return sum(sum(end_offsets(stage.broker, topic).values()) for topic in stage.settings.changelogs)


CASES = [
    Case(
        name=name,
        fault=fault,
        play=play,
        users=_USERS,
        events=2 * 5 * _USERS,
    )
    for name, fault, play in (
        ("zombie", "SIGSTOP past the session timeout, then SIGCONT", _stopped),
        ("zombie-write", "stopped between lease check and changelog write, then SIGCONT", _healed_by_guard),
        (
            "zombie-restart",
            "the same, and all workers are killed straight after the write",
            _healed_by_restart,
        ),
    )
]
