"""Producers write in transactions. Nothing comes after the last ones, so no record follows their control
records: the workers have to commit past these as well."""

import signal

from tests.tools.faults.cases.case import Case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.stage import Stage

_RATE = 2_000
# Many small ones, so that most slices end or begin with a control record.
_IN_TRANSACTIONS = 1_000
_RECORDS_EACH = 40


def _transactions(stage: Stage, _cluster: Cluster, events: int) -> None:
    stage.steady()
    with stage.flow(_RATE, events):
        stage.load.publish_in_transactions(_IN_TRANSACTIONS, _RECORDS_EACH)
        stage.work_left()
        for pod in stage.pods:
            pod.signal(signal.SIGKILL)
        stage.recovered()
    stage.load.publish_in_transactions(_IN_TRANSACTIONS, _RECORDS_EACH)


CASES = [
    Case(
        name="transactions-at-the-end",
        fault="kill -9 of both workers in the middle of transactions; each topic ends with one",
        play=_transactions,
    )
]
