"""A part of the fault matrix in few records, so that every `make test` kills, freezes and rebalances
real workers. The whole is `make torture`."""

import pytest
from msgspec.structs import replace

from tests.faults.cases import CASES, run_case
from tests.faults.cluster import Cluster

EVENTS = {
    "kill-both": 4_000,
    "join-leave": 4_000,
    "zombie-restart": 4_000,
    "kill-users-written-loyalty-not": 2_000,
    "kill-after-acks-before-a-vendor-s-commit": 2_000,
    "kill-recovery-before-rows-go-live": 2_000,
    "kill-rebalance-before-the-drain": 2_000,
}


@pytest.mark.parametrize("name", EVENTS)
def test_nothing_is_lost_and_nothing_counted_twice(name: str, broker: str) -> None:
    case = CASES[name]
    # As many cold keys as records come in one pass.
    small = replace(case, users=min(case.users, EVENTS[name] // 10))
    outcome = run_case(small, Cluster(broker), events=EVENTS[name])
    assert outcome.problems == [], outcome
    assert outcome.report.records >= EVENTS[name]
