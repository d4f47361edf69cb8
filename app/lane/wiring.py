"""Ties the tables, their recovery, the guard and the producers to a Faust app."""

from collections.abc import Sequence
from dataclasses import dataclass

import faust

from app.lane.findings import WriteDeadLetter
from app.lane.guard import ChangelogGuard
from app.lane.producer import GroupProducer
from app.lane.reader import ChangelogReader, ReaderConfig
from app.lane.recovery import TableLoader
from app.lane.rowlogic import PairLogic
from app.lane.table_manager import LaneTableManager
from app.lane.table_pair import TablePair
from app.lane.tables import LaneTable
from app.lane.write_observer import WriteObserver


@dataclass(frozen=True, slots=True, kw_only=True)
class TablesConfig:
    partitions: int
    """Of the canonical topic and of both changelogs."""
    reader: ReaderConfig
    users: str = "users"
    loyalty: str = "loyalty"
    # Twice this is how long a foreign record in an idle log can stay unhealed.
    patrol_seconds: float = 30.0


def install_tables(
    app: faust.App,
    config: TablesConfig,
    logic: PairLogic,
    changelogs: GroupProducer,
    dead_letter: WriteDeadLetter,
    *,
    others: Sequence[GroupProducer] = (),
    observer: WriteObserver | None = None,
) -> TablePair:
    """Defines both tables and wires their recovery and guard; to be called once, before the app starts.

    The app has to be made with `Table=LaneTable` and `TableManager=LaneTableManager`; TypeError otherwise.
    `dead_letter` is told of each record of a changelog that is no row; it has to append to `changelogs`.
    `changelogs` is the producer that writes the rows; it and the `others` are started before anything is
    subscribed and stopped after the last commit.
    """
    manager = app.tables
    if not isinstance(manager, LaneTableManager):
        raise TypeError("the app needs TableManager=LaneTableManager")
    users, loyalty = (
        app.Table(name, partitions=config.partitions, key_type=bytes, value_type=bytes)
        for name in (config.users, config.loyalty)
    )
    if not isinstance(users, LaneTable) or not isinstance(loyalty, LaneTable):
        raise TypeError("the app needs Table=LaneTable")
    pair = TablePair(
        users=users,
        loyalty=loyalty,
        logic=logic,
        producer=changelogs,
        partitions=config.partitions,
        dead_letter=dead_letter,
    )
    reader = ChangelogReader(config.reader)
    guard = ChangelogGuard(pair, reader, patrol_seconds=config.patrol_seconds, observer=observer)
    manager.loader = TableLoader(pair, reader, guard, observer)
    manager.guard = guard
    manager.producers = (changelogs, *others)
    return pair
