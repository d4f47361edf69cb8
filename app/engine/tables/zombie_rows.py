"""Decides what a zombie's records do to the rows of their key, and whether a row must be written again.

It is used on a live partition, whose rows hold everything that this worker has ever written or read. The
owner and the zombie may both repair the log. Rows merge, so neither takes anything away.
"""

from collections.abc import Sequence
from typing import NamedTuple

from app.engine.tables.merge_rules import TABLE_NAMES, Pair, Row, TableName, TableRules


class Repaired(NamedTuple):
    """Both rows of a key after the merge."""

    pair: Pair
    rewrite: tuple[TableName, ...]
    """The tables to whose changelog the row (or tombstone) of this key must be written again."""
    before: Pair
    """The rows (or tombstones) of this key that the worker has written or read last."""


def merge_zombie_records(
    rules: TableRules, table: TableName, key: bytes, ours: Pair, zombie: Sequence[Row]
) -> Repaired:
    """Returns the worker's own rows of a key (`ours`), merged with a zombie's records of it in log order.

    A zombie's tombstone removes nothing, because a deletion reaches this worker by its event. A row is
    written again unless the own row, the merge and the zombie's last record are all equal: records of this
    worker that are older than the merge may come after the zombie's.
    """
    row: Row = getattr(ours, table)
    merge = rules.of(table).merge
    for other in zombie:
        if other is not None and other != row:
            row = other if row is None else merge(key, row, other)
    pair = ours._replace(**{table: row})
    if pair.loyalty is not None and rules.knows_deletion(pair.users):
        pair = Pair(*rules.reconcile(pair.users, pair.loyalty))
    rewrite = tuple(
        name
        for name, before, after in zip(TABLE_NAMES, ours, pair, strict=True)
        if before != after or (name == table and zombie and after != zombie[-1])
    )
    before = ours._replace(**{table: zombie[-1]}) if zombie else ours
    return Repaired(pair, rewrite, before)
