"""The matrix."""

from tests.faults.cases.brokers import CASES as BROKERS
from tests.faults.cases.case import Case, run_case
from tests.faults.cases.changelogs import CASES as CHANGELOGS
from tests.faults.cases.holds import CASES as HOLDS
from tests.faults.cases.kill_points import CASES as KILL_POINTS
from tests.faults.cases.network import CASES as NETWORK
from tests.faults.cases.refusals import CASES as REFUSALS
from tests.faults.cases.workers import CASES as WORKERS
from tests.faults.cases.zombies import CASES as ZOMBIES

CASES: dict[str, Case] = {
    case.name: case
    for case in (*WORKERS, *HOLDS, *ZOMBIES, *KILL_POINTS, *CHANGELOGS, *REFUSALS, *NETWORK, *BROKERS)
}

__all__ = ["CASES", "Case", "run_case"]
