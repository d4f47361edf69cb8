"""A part of the fault matrix with few records, so that every `make test` kills, stops and rebalances real
workers.

`make torture` plays the whole matrix and demands that a worker is back within a minute. Here a case fails if
nothing is committed while a bare aiokafka loop on the same broker commits, because other programs may need
the machine, too.
"""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.tools.faults.cases import CASES, run_case
from tests.tools.faults.cluster import Cluster
from tests.tools.faults.yardstick import Yardstick, yardstick

EVENTS = {
    "kill-both": 4_000,
    "join-leave": 4_000,
    "zombie-restart": 4_000,
    "kill-users-written-loyalty-not": 2_000,
    "kill-after-acks-before-a-vendor-s-commit": 2_000,
    "kill-restore-before-rows-go-live": 2_000,
    "kill-rebalance-before-the-drain": 2_000,
}


pytestmark = pytest.mark.alone


@pytest.fixture(scope="module")
def beside(broker: str) -> Iterator[Yardstick]:
    with yardstick(broker) as loop:
        yield loop


# The waits of a case end by themselves. This timeout is for a broker that is gone.
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", EVENTS)
def test_nothing_is_lost_and_nothing_counted_twice(name: str, broker: str, beside: Yardstick) -> None:
    case = CASES[name]
    # There are as many cold keys as records in one pass.
    small = replace(case, users=min(case.users, EVENTS[name] // 10))
    if case.repeats_nothing:
        # No worker is killed, so nothing waits for the end of a session. A worker that is expelled because
        # the machine stood still would repeat events.
        small = replace(small, settings={**case.settings, "SESSION_TIMEOUT": "60"})
    outcome = run_case(small, Cluster(broker), events=EVENTS[name], beside=beside)
    assert outcome.problems == [], outcome
    assert outcome.report.records >= EVENTS[name]
