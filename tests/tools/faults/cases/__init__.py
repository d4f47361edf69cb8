"""All cases of the fault matrix."""

from tests.tools.faults.cases.brokers import CASES as BROKERS
from tests.tools.faults.cases.case import Case, run_case
from tests.tools.faults.cases.changed_topics import CASES as CHANGED_TOPICS
from tests.tools.faults.cases.changelogs import CASES as CHANGELOGS
from tests.tools.faults.cases.kill_points import CASES as KILL_POINTS
from tests.tools.faults.cases.network import CASES as NETWORK
from tests.tools.faults.cases.pauses import CASES as PAUSES
from tests.tools.faults.cases.poisoned_topics import CASES as POISONED_TOPICS
from tests.tools.faults.cases.refusals import CASES as REFUSALS
from tests.tools.faults.cases.strangers import CASES as STRANGERS
from tests.tools.faults.cases.transactional_load import CASES as TRANSACTIONS
from tests.tools.faults.cases.workers import CASES as WORKERS
from tests.tools.faults.cases.zombies import CASES as ZOMBIES

CASES: dict[str, Case] = {
    case.name: case
    for case in (
        *(*WORKERS, *PAUSES, *ZOMBIES, *KILL_POINTS, *CHANGELOGS, *TRANSACTIONS, *REFUSALS),
        *(*POISONED_TOPICS, *STRANGERS, *CHANGED_TOPICS, *NETWORK, *BROKERS),
    )
}

__all__ = ["CASES", "Case", "run_case"]
