"""Which events put the users table right, and when none may be written."""

from typing import NamedTuple
from urllib.parse import unquote

from app.canonical import Envelope
from app.errors import CommandFailed
from app.tools.exports.import_tally import ImportTally
from app.tools.exports.reconciliation import SNAPSHOTS, Found, Reconciliation
from app.tools.exports.user_snapshots import SnapshotConverter


class Plan(NamedTuple):
    """The events to write."""

    snapshots: list[Envelope]
    deletions: list[Envelope]


def planned(
    reconciliation: Reconciliation, found: Found, converter: SnapshotConverter, *, deletions: bool
) -> Plan:
    """Returns the snapshots, and if asked for the deletions: those that the export states, with their own
    times, and those of users whom it lacks, of the time when it began."""
    plan = Plan([reconciliation.event_of(key) for finding in SNAPSHOTS for key in found.keys[finding]], [])
    if deletions:
        plan.deletions.extend(reconciliation.event_of(key) for key in found.keys["deleted_there"])
        plan.deletions.extend(
            converter.deletion(unquote(key.decode().rpartition("/")[2])) for key in found.keys["gone"]
        )
    return plan


def check_deletions(plan: Plan, reconciliation: Reconciliation, tally: ImportTally, most: int) -> None:
    """Raises CommandFailed if the deletions may come of a file that is not whole: then nobody is deleted."""
    if not plan.deletions:
        return
    if tally.refusals:
        raise CommandFailed(
            f"nothing is written: {tally.refusals} lines were refused, and each may be a user of the table"
        )
    if not reconciliation.users:
        raise CommandFailed("nothing is written: the export has no user")
    if len(plan.deletions) > most:
        raise CommandFailed(
            f"nothing is written: they are {len(plan.deletions)}, and --most-deletions is {most}"
        )
