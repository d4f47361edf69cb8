"""A vendor is paused because of its dead letters. The pause lasts over the end of its worker, and nothing is
lost."""

import signal

from app.engine.consumer.attempts import LAST
from tests.kafka import end_offsets
from tests.tools.faults.cases.case import SHORT_SESSION, Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.pods import POISONED_EVERY
from tests.tools.faults.stage import Stage

_RATE = 2_000
_VENDOR = "magine"
# This reaches the limit in every partition, although only a few slices are judged before the pause.
_BAD = 9_000


def _paused(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(_RATE, events):
        stage.load.publish_bad(_VENDOR, _BAD)
        stage.wait(lambda: any(pod.pauses(_VENDOR) for pod in stage.pods), "a pause", 30.0)
        stage.work_left()
        for pod in stage.pods:
            pod.signal(signal.SIGKILL)
        stage.wait(lambda: any(pod.pauses(_VENDOR) for pod in stage.pods), "the same pause again", 60.0)
        stage.recovered(lambda: _resume(stage))
    stage.recovered(lambda: _resume(stage))


def _resume(stage: Stage) -> None:
    """Resumes the vendor each time that the limit is reached, as an operator does who accepts the dead
    letters."""
    for pod in stage.pods:
        if pod.pauses(_VENDOR):
            pod.resume(_VENDOR)


def _poisoned(stage: Stage, _cluster: Cluster, events: int) -> None:
    """Kills each worker that maps one record, until its partition is paused; then the cause goes away."""
    stage.steady(FAULTS_POISON="1", FAULTS_SESSION=SHORT_SESSION)
    topic = stage.settings.topic_of(_VENDOR)
    with stage.flow(_RATE // 4, events):
        stage.work_left()
        end = max(end_offsets(stage.broker, topic).values())
        stage.poison(topic, 0, (end // POISONED_EVERY + 2) * POISONED_EVERY)
        stage.wait(lambda: any(pod.pauses(_VENDOR) for pod in stage.pods), "a pause", 90.0)
        stage.cure()
        stage.recovered(lambda: _resume(stage))
    stage.recovered(lambda: _resume(stage))
    deaths = sum(len(pod.exits) for pod in stage.pods)
    if not LAST <= deaths <= 2 * LAST:
        raise CaseFailed(f"{deaths} workers died of the record")


CASES = [
    Case(
        name="paused",
        fault="a vendor paused because of its dead letters, kill -9 of both workers, and rollcall resume",
        play=_paused,
    ),
    Case(
        name="poisoned",
        fault="a record kills every worker that maps it, until its partition is paused; rollcall resume",
        play=_poisoned,
    ),
]
