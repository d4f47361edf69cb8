"""What a case of the matrix is."""

from collections.abc import Callable
from contextlib import AbstractContextManager

from msgspec import Struct, field

from tests.faults.cluster import Cluster, one_broker
from tests.faults.failed import CaseFailed
from tests.faults.stage import Outcome, Stage
from tests.faults.yardstick import Yardstick

Play = Callable[[Stage, Cluster, int], None]
"""All phases but the last: steady, fault, recovery. The number is how many records there have to be."""

FULL_EVENTS = 20_000


class Case(Struct, frozen=True, kw_only=True):
    name: str
    fault: str
    """What happens, in words."""
    play: Play
    brokers: Callable[[], AbstractContextManager[Cluster]] = one_broker
    hurts_broker: bool = False
    """It needs brokers of its own; others share theirs."""
    repeats_nothing: bool = False
    users: int = 2_000
    events: int = FULL_EVENTS
    settings: dict[str, str] = field(default_factory=dict)
    exits: frozenset[int] = frozenset()
    """Exit codes that workers may have besides 70, and -9 for the kills."""


def run_case(
    case: Case,
    cluster: Cluster,
    *,
    events: int | None = None,
    mutant: str = "",
    beside: Yardstick | None = None,
) -> Outcome:
    """Plays the case and judges it; how long it may take by the clock, or by the loop `beside` it. Raises
    CaseFailed where a demand on the way was not met."""
    stage = Stage(
        cluster.broker,
        name=case.name,
        users=case.users,
        workers_via=cluster.workers_via,
        mutant=mutant,
        beside=beside,
        **case.settings,
    )
    with stage:
        case.play(stage, cluster, case.events if events is None else events)
        outcome = stage.finish()
    if strange := outcome.exits.keys() - {70, -9} - case.exits:
        outcome.problems.append(f"a worker ended with {sorted(strange)}")
    if case.repeats_nothing and outcome.report.repeats:
        outcome.problems.append(f"{outcome.report.repeats} repeats, where none may be")
    return outcome


__all__ = ["FULL_EVENTS", "Case", "CaseFailed", "Play", "run_case"]
