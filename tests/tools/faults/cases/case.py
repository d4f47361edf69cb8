"""A case of the matrix, and how it is run."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import Struct, field

from tests.tools.faults.cluster import Cluster, one_broker
from tests.tools.faults.failed import CaseFailed
from tests.tools.faults.stage import Outcome, Stage
from tests.tools.faults.yardstick import Yardstick

Play = Callable[[Stage, Cluster, int], None]
"""Plays all phases but the last: the steady one, the fault, and what follows. The number is that of the
records that must be published at least."""

FULL_EVENTS = 20_000

SHORT_SESSION = "6" if os.environ.get("BROKER_URL") else "2"
"""The session timeout of workers that die often, in seconds. The embedded broker allows 2 s. Other brokers
allow 6 s and more."""


LONG_SESSION = "120"
"""Longer than a case may take to recover, in seconds: for workers that must not wait for the end of a
session."""


class Case(Struct, frozen=True, kw_only=True):
    name: str
    fault: str
    """The fault in words, for the table."""
    play: Play
    brokers: Callable[[], AbstractContextManager[Cluster]] = one_broker
    hurts_broker: bool = False
    """Whether the case needs brokers of its own. Other cases share theirs."""
    repeats_nothing: bool = False
    tells_delays: bool = False
    """Whether the result says within which time events and rows were there."""
    users: int = 2_000
    events: int = FULL_EVENTS
    settings: dict[str, str] = field(default_factory=dict)
    vendor_topics: dict[str, str] = field(default_factory=dict)
    """Settings of the vendors' topics, with `_` for `.`."""
    exits: frozenset[int] = frozenset()
    """The exit codes that workers may have besides 70, and -9 for the kills."""


def run_case(
    case: Case,
    cluster: Cluster,
    *,
    events: int | None = None,
    mutant: str = "",
    beside: Yardstick | None = None,
) -> Outcome:
    """Plays the case and returns the verdict. Waits are measured by the clock, or by the loop `beside` the
    case. Raises CaseFailed if the case does not come to its end."""
    stage = Stage(
        cluster.broker,
        name=case.name,
        users=case.users,
        workers_via=cluster.workers_via,
        mutant=mutant,
        beside=beside,
        vendor_topics=case.vendor_topics,
        **case.settings,
    )
    with stage:
        case.play(stage, cluster, case.events if events is None else events)
        outcome = stage.finish(tells_delays=case.tells_delays)
    if unexpected := outcome.exits.keys() - {70, -9} - case.exits:
        outcome.problems.append(f"a worker ended with {sorted(unexpected)}")
    if case.repeats_nothing and outcome.report.repeats:
        outcome.problems.append(f"{outcome.report.repeats} repeats, and none is allowed")
    if case.repeats_nothing and outcome.report.overtaken:
        outcome.problems.append(f"{outcome.report.overtaken} rows name what differs from an older one")
    return outcome


__all__ = ["FULL_EVENTS", "LONG_SESSION", "SHORT_SESSION", "Case", "CaseFailed", "Play", "run_case"]
