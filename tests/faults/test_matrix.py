"""A part of the fault matrix in few records, so that every `make test` kills, freezes and rebalances
real workers. The whole is `make torture`, which wants all of it within a minute; here a case fails if nothing
is committed while a bare aiokafka loop on the same broker commits: others may need the machine, too."""

from collections.abc import Iterator

import pytest
from msgspec.structs import replace

from tests.faults.cases import CASES, run_case
from tests.faults.cluster import Cluster
from tests.faults.yardstick import Yardstick, yardstick

EVENTS = {
    "kill-both": 4_000,
    "join-leave": 4_000,
    "zombie-restart": 4_000,
    "kill-users-written-loyalty-not": 2_000,
    "kill-after-acks-before-a-vendor-s-commit": 2_000,
    "kill-recovery-before-rows-go-live": 2_000,
    "kill-rebalance-before-the-drain": 2_000,
}


@pytest.fixture(scope="module")
def beside(broker: str) -> Iterator[Yardstick]:
    with yardstick(broker) as loop:
        yield loop


# The waits of a case have ends of their own; this one is for a broker that is gone.
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", EVENTS)
def test_nothing_is_lost_and_nothing_counted_twice(name: str, broker: str, beside: Yardstick) -> None:
    case = CASES[name]
    # As many cold keys as records come in one pass.
    small = replace(case, users=min(case.users, EVENTS[name] // 10))
    outcome = run_case(small, Cluster(broker), events=EVENTS[name], beside=beside)
    assert outcome.problems == [], outcome
    assert outcome.report.records >= EVENTS[name]
