"""A worker is stopped for longer than its session timeout and wakes up: its rows land after newer ones.

There are 20,000 cold keys. Each is written once before and once while the worker is stopped, so no later
write hides a stale row.
"""

import signal

from tests.kafka import end_offsets
from tests.tools.faults.cases.case import LONG_SESSION, Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.points import FREEZE
from tests.tools.faults.reading import stale_rows
from tests.tools.faults.stage import RECOVERY_SECONDS, Stage

_RATE = 4_000
# The number of users of each of the five vendors. Some of their records are bad or about no user.
_USERS = 4_400


def _stopped(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Stops the worker from outside, at any point of its work."""
    stage.steady()
    with stage.flow(_RATE, events // 2):
        stage.work_left()
        stage.pods[0].signal(signal.SIGSTOP)
        stage.recovered()
    _second_pass(stage, events)
    stage.pods[0].signal(signal.SIGCONT)
    _wait_repaired(stage)


def _stopped_before_write(stage: Stage, events: int) -> None:
    """Stops the worker at the worst moment: its rows are computed, the heartbeat is checked, and nothing is
    sent."""
    stage.pod(point=FREEZE)
    stage.pod()
    stage.wait_ready()
    with stage.flow(_RATE, events // 2):
        stage.work_left()
        stage.arm()
        stage.wait_fired()
        stage.recovered()
    _second_pass(stage, events)


def _repaired_by_the_scan(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Nobody restarts the worker that woke up: no rebalance and no restore follows, so only the scan can
    repair."""
    _stopped_before_write(stage, events)
    zombie = stage.pods[0]
    stage.abandon(zombie)
    zombie.signal(signal.SIGCONT)
    _wait_repaired(stage, must_be_stale=True)


def _repaired_by_the_restore(stage: Stage, _cluster: Cluster, events: int) -> None:
    _stopped_before_write(stage, events)
    ends = _changelog_ends(stage)
    stage.pods[0].signal(signal.SIGCONT)
    stage.wait(lambda: _changelog_ends(stage) > ends, "the late write", 30.0)
    for pod in stage.pods:
        pod.kill()
    stale, last = stale_rows(stage.broker, stage.settings)
    stage.notes.append(
        f"{stale} stale rows written, {last} of them not repaired when all workers were killed"
    )
    if not stale:
        raise CaseFailed("the late write left no stale row: nothing was shown")
    stage.wait(lambda: all(pod.exits for pod in stage.pods), "the end of both workers", 10.0)
    stage.wait_ready()
    stage.recovered()


def _replaced_while_stopped(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Another process with the same instance id takes over long before the session is over."""
    zombie = stage.pod(point=FREEZE, GROUP_INSTANCE_ID="static-1")
    stage.pod(GROUP_INSTANCE_ID="static-2")
    stage.wait_ready()
    with stage.flow(_RATE, events // 2):
        stage.work_left()
        stage.arm()
        stage.wait_fired()
        stage.abandon(zombie)
        stage.pod(GROUP_INSTANCE_ID="static-1")
        stage.recovered()
    _second_pass(stage, events)
    zombie.signal(signal.SIGCONT)
    stage.wait(lambda: not zombie.alive, "the end of the worker that was replaced", 30.0)
    if not any("with the same GROUP_INSTANCE_ID (static-1)" in why for why in zombie.reasons()):
        raise CaseFailed(f"the worker that was replaced ended with {zombie.reasons()}")
    # It hears that it was replaced as soon as it wakes up, and may end before it writes.
    _wait_repaired(stage)


def _second_pass(stage: Stage, events: int) -> None:
    stage.load.publish(max(events - stage.load.published, 0))
    stage.load.flush()
    stage.recovered()


def _wait_repaired(stage: Stage, *, must_be_stale: bool = False) -> None:
    """Returns when the changelogs are repaired, although nobody publishes or helps. Fails after a minute."""

    def repaired() -> bool:
        stale, last = stale_rows(stage.broker, stage.settings)
        return last == 0 and (stale > 0 or not must_be_stale)

    if must_be_stale:
        stage.wait(lambda: stale_rows(stage.broker, stage.settings)[0], "a stale row", 30.0)
    stage.wait(repaired, "repaired changelogs", RECOVERY_SECONDS)
    stale, _ = stale_rows(stage.broker, stage.settings)
    stage.notes.append(f"{stale} stale rows written, all repaired")
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
        settings=settings,
    )
    for name, fault, play, settings in (
        ("zombie", "SIGSTOP past the session timeout, then SIGCONT", _stopped, {}),
        (
            "zombie-write",
            "stopped between the check of the heartbeat and the changelog write, then SIGCONT",
            _repaired_by_the_scan,
            {},
        ),
        (
            "zombie-restart",
            "the same, and kill -9 of all workers at once after the write",
            _repaired_by_the_restore,
            {},
        ),
        (
            "zombie-static",
            "a static member stopped before the changelog write, replaced by one with its id, then SIGCONT",
            _replaced_while_stopped,
            {"SESSION_TIMEOUT": LONG_SESSION},
        ),
    )
]
