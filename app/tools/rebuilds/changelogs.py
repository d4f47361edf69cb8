"""How the commands that make new changelogs read logs, and when they cannot go on."""

from collections.abc import Mapping

from app.engine import ChangelogRowsReader, TableName
from app.errors import CommandFailed
from app.settings import Settings
from app.table_rules import TABLE_RULES
from app.tools.connected import Logs
from app.tools.positions import Offsets


def rows_reader(
    logs: Logs, settings: Settings, topics: Mapping[TableName, str], partitions: int
) -> ChangelogRowsReader:
    """Returns what reads the rows of changelogs as a worker with these settings restores them."""
    merge_all = settings.recovery_merge_all
    return ChangelogRowsReader(logs.session, TABLE_RULES, topics, partitions, merge_all=merge_all)


def refuse_lost(begun: Offsets, kept: Offsets) -> None:
    """Raises CommandFailed if a log begins after the offset from which on it is to be read."""
    for log, first in begun.items():
        if first > kept.get(log, first):
            raise CommandFailed(
                f"{log.topic}/{log.partition} has lost records that were not read yet: begin again, with"
                " another name for --into"
            )
