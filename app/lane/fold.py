"""Both changelogs of one partition, read from their start, become rows again: by merging, not by
overwriting.

In a log that a paused worker wrote into late, the last record of a key is not the best one. So a key
that comes again is merged, and what differs from the last record of its log is named for rewriting.

Tombstones: one is written over a loyalty row when its user is deleted, and over the marker of a deletion
when the grace period is over; a worker that woke up may also have written one from an old memory. So what
stood before a tombstone is kept aside until both logs are read:
- a loyalty row comes back if its users row knows a deletion; `reconcile` then prunes what the deletion
  covers. Without such a users row the marker itself has been ended: the tombstone holds;
- a users row comes back unless it is a bare marker, the only row that a tombstone may end.
A tombstone that was written over garbage ends nothing: its writer had no row of the key, or not yet.
"""

from collections.abc import Iterable
from typing import Final, NamedTuple

from app.lane.findings import Findings, Headers, LogRecord, Place, is_repair
from app.lane.row_store import RowStore
from app.lane.rowlogic import TABLE_NAMES, PairLogic, Row, RowLogic, TableName

_ONLY: Final = Place(0, 1)


class FoldedTable(NamedTuple):
    rows: RowStore
    rewrite: set[bytes]
    """Keys whose row (or its absence) is not what the last record of the log says, and all keys under
    which there is garbage."""
    findings: Findings
    ended: set[bytes]
    """Keys of `rewrite` without a row under which the last record is one."""

    def records(self, key: bytes) -> list[tuple[Row, Headers]]:
        """What has to be written under a key of `rewrite`, in this order: value and headers."""
        row, repair = self.rows.get(key), self.findings.repair(key)
        if row is None:
            row = self.findings.misplaced.get(key)
        if repair and row is None and key in self.ended:
            # A tombstone over garbage ends nothing, so the one that ends the row is another record.
            return [(None, ()), (None, repair)]
        return [(row, repair)]


class _LogFold:
    """One changelog of the partition."""

    def __init__(self, logic: RowLogic, rows: RowStore, findings: Findings) -> None:
        self.rows = rows
        self.findings = findings
        self.ended: dict[bytes, bytes] = {}  # what stood before the last tombstone, by key
        self._last: dict[bytes, Row] = {}  # the last record of a key, where the row may differ from it
        self._logic = logic

    def read(self, records: Iterable[LogRecord]) -> None:
        """Key by key, so that a key's versions in this batch are compared while they are at hand."""
        for key, later in self.findings.at_home(records, self.rows):
            before = self.rows.get(key)
            row = self._merged(key, before, later)
            if row is not None:
                self.rows[key] = row
            elif before is not None:
                del self.rows[key]

    def _merged(self, key: bytes, row: Row, versions: Iterable[LogRecord]) -> Row:
        """The row of the key after these versions of it."""
        for record in versions:
            if not self.findings.counts(key, record, row):
                continue
            newer = record.value
            if newer is None:
                if is_repair(record):
                    if row is not None:
                        # No row or tombstone: whichever the key has in the end is written behind it.
                        self._last[key] = b""
                    continue
                self._end(key, row)
                row = None
            elif row is None or row == newer or self._logic.supersedes(row, newer):
                self._last.pop(key, None)
                row = newer
            else:
                self._last[key] = newer
                row = self._logic.merge(key, row, newer)
        return row

    def restore(self, key: bytes) -> None:
        """The tombstone of the key is void: what stood before it counts again."""
        ended, later = self.ended[key], self.rows.get(key)
        self.settle(key, ended if later is None else self._logic.merge(key, ended, later))

    def settle(self, key: bytes, row: Row) -> None:
        """The row of a key after a look at the other table."""
        before = self.rows.get(key)
        if row == before:
            return
        self._last.setdefault(key, before)
        if row is None:
            del self.rows[key]
        else:
            self.rows[key] = row

    def finish(self) -> FoldedTable:
        rewrite = {key for key, last in self._last.items() if self.rows.get(key) != last}
        ended = {key for key in rewrite if key not in self.rows}
        return FoldedTable(self.rows, rewrite | self.findings.garbage.keys(), self.findings, ended)

    def _end(self, key: bytes, older: Row) -> None:
        self._last.pop(key, None)
        if older is not None:
            earlier = self.ended.get(key)
            self.ended[key] = older if earlier is None else self._logic.merge(key, earlier, older)


class PartitionFold:
    """Reads the users and the loyalty changelog of one partition, in any interleaving."""

    def __init__(self, logic: PairLogic, place: Place = _ONLY) -> None:
        self._logic = logic
        self._logs = {
            name: _LogFold(logic.of(name), RowStore(logic.head), Findings(logic, name, place))
            for name in TABLE_NAMES
        }

    def findings(self, table: TableName) -> tuple[Findings, int]:
        """What was found in a log so far, and how many keys have a row in it."""
        log = self._logs[table]
        return log.findings, len(log.rows)

    def read(self, table: TableName, records: Iterable[LogRecord]) -> None:
        """The next records of one log, in log order."""
        self._logs[table].read(records)

    def finish(self) -> dict[TableName, FoldedTable]:
        """Both logs are read to their ends: the rows, and what has to be written again."""
        logic, users, loyalty = self._logic, self._logs["users"], self._logs["loyalty"]
        for key, ended in users.ended.items():
            if not logic.is_marker(ended):
                users.restore(key)
        for key in loyalty.ended:
            if logic.knows_deletion(users.rows.get(key)):
                loyalty.restore(key)
        for key in users.rows.holding(logic.deletion_mark):
            if key not in loyalty.rows:
                continue
            users_row, loyalty_row = logic.reconcile(users.rows.get(key), loyalty.rows.get(key))
            users.settle(key, users_row)
            loyalty.settle(key, loyalty_row)
        loyalty.rows.share_keys(users.rows)
        return {name: log.finish() for name, log in self._logs.items()}
