"""What a foreign record does to the rows of its key, and whether the log then needs ours.

Used on a live partition, where our rows hold everything we ever wrote or read. Whoever heals, the owner or
the worker that was paused, can only add: rows merge.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.lane.rowlogic import TABLE_NAMES, Pair, PairLogic, Row, TableName


class Healed(NamedTuple):
    pair: Pair
    rewrite: tuple[TableName, ...]
    """The tables whose changelog needs our row (or tombstone) of this key again."""


def heal(logic: PairLogic, table: TableName, key: bytes, ours: Pair, foreign: Sequence[Row]) -> Healed:
    """Merges the foreign records of one key, in log order, into our rows of it.

    A foreign tombstone takes nothing away: a deletion that it stands for reaches us through its event.
    A row is written again unless ours, the merge and the last foreign record are all equal: records of
    ours that are older than the merge may stand behind the foreign ones.
    """
    row: Row = getattr(ours, table)
    merge = logic.of(table).merge
    for other in foreign:
        if other is not None and other != row:
            row = other if row is None else merge(key, row, other)
    pair = ours._replace(**{table: row})
    if pair.loyalty is not None and logic.knows_deletion(pair.users):
        pair = Pair(*logic.reconcile(pair.users, pair.loyalty))
    rewrite = tuple(
        name
        for name, before, after in zip(TABLE_NAMES, ours, pair, strict=True)
        if before != after or (name == table and foreign and after != foreign[-1])
    )
    return Healed(pair, rewrite)
