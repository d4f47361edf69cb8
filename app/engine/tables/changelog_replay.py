"""Makes rows again of both changelogs of a partition, which are read from their start. It merges the records
of a key instead of keeping the last one (docs/design.md#restore).

If a zombie has written into a log, the last record of a key may be older than another one. So the records of
a key are merged, and the result is written again if the last record of the log differs from it.

A worker writes a tombstone over a loyalty row when the user is deleted, and over the marker of a deletion
when the grace period is over. A zombie may also write one from an old memory. So the row before a tombstone
is kept aside until both logs are read:
- A loyalty row comes back if its users row knows a deletion. Then `reconcile` removes what the deletion
  covers. If there is no such users row, the marker has been ended as well, and the tombstone is right.
- A users row comes back unless it is nothing but a marker, which is the only row that a tombstone may end.

A tombstone that was written over garbage ends no row: its writer had no row of the key, or did not have it
yet.

Most versions need no merge, and no comparison either. Each process has a producer id of its own. It held the
row, or had read it again, when it wrote the next version of the key. So of two versions in a row with the
same id the later one has everything that the earlier one has (docs/design.md#same-producer). A record of a
worker is known by its header `changed`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Final, NamedTuple

from app.engine.producer.refusals import Headers
from app.engine.record_batches.fetched_records import NO_PRODUCER
from app.engine.tables.findings import Findings, HomePartition, LogRecord, is_repair
from app.engine.tables.merge_rules import CHANGED, TABLE_NAMES, Row, RowRules, TableName, TableRules
from app.engine.tables.row_store import RowStore

_ONLY: Final = HomePartition(0, 1)


class RestoredTable(NamedTuple):
    """The rows of one table of a partition, and what must be written to its changelog."""

    rows: RowStore
    rewrite: set[bytes]
    """The keys under which the last record of the log is not what it should be (the row, or a tombstone if
    there is no row), and all keys under which there is garbage."""
    findings: Findings
    ended: set[bytes]
    """Keys of `rewrite` that have no row, although the last record under them is a row."""
    last: Mapping[bytes, Row]
    """By key, the last row (or tombstone) of the log, if the row differs from it."""
    rules: RowRules

    def records(self, key: bytes) -> list[tuple[Row, Headers]]:
        """Returns what must be written under a key of `rewrite`, in this order: values with their headers."""
        row, repair = self.rows.get(key), self.findings.repair_headers(key)
        changed = [(CHANGED, self.rules.changed(self.last.get(key, row), row))]
        if row is None:
            row = self.findings.misplaced.get(key)
        if repair and row is None and key in self.ended:
            # A tombstone with this header ends no row, so another tombstone must end it.
            return [(None, changed), (None, [*changed, *repair])]
        return [(row, [*changed, *repair])]


class _LogReplay:
    """The replay of one changelog of the partition."""

    def __init__(self, rules: RowRules, rows: RowStore, findings: Findings) -> None:
        self.rows = rows
        self.findings = findings
        self.ended: dict[bytes, bytes] = {}
        """By key, the merge of all rows before the last tombstone."""
        self._last: dict[bytes, Row] = {}
        """By key, the last record of the log, if the row may differ from it."""
        self._rules = rules
        # perf: nearly all records of a log may have one writer; then this saves an entry for each key; plain
        # form: an entry for each key.
        self._usual_writer: int | None = None
        self._writers: dict[bytes, int | None] = {}
        """By key, the producer id of its last version, if that is not the usual one."""

    def read(self, records: Iterable[LogRecord], producer: int) -> None:
        """Reads the next records of the log, which were written with one producer id."""
        if self._usual_writer is None:
            self._usual_writer = producer
        # perf: looks a key up once for all its records in the batch, not once for each; plain form: record by
        # record.
        for key, later in self.findings.at_home(records, self.rows):
            self._read_versions(key, later, producer)

    def _read_versions(self, key: bytes, versions: Iterable[LogRecord], producer: int) -> None:
        """Reads the next versions of a key."""
        rows, row, writer, unread = self.rows, None, None, False
        if key in rows:
            writer = self._writers.get(key, self._usual_writer)
            # perf: the row that the next version replaces anyway is not put together; plain form: `get` it.
            unread = producer == writer and key not in self._last
            row = None if unread else rows.get(key)
        for record in versions:
            if not self.findings.counts(key, record, row):
                continue
            newer = record.value
            if unread and (newer is None or not self._has_all(key, writer, producer, record)):
                row = rows.get(key)
            if newer is None:
                row = self._read_tombstone(key, row, record)
            elif (
                row is None
                or self._has_all(key, writer, producer, record)
                or row == newer
                or self._rules.supersedes(row, newer)
            ):
                self._last.pop(key, None)
                row = newer
            else:
                self._last[key] = newer
                row = self._rules.merge(key, row, newer)
            writer, unread = producer, False
        if self._writers or producer != self._usual_writer:
            self._writers[key] = writer
        if row is not None:
            rows[key] = row
        elif not unread and key in rows:
            del rows[key]

    def _has_all(self, key: bytes, writer: int | None, producer: int, record: LogRecord) -> bool:
        """Returns whether a row that this producer wrote has everything that the row of the key has, because
        the same producer wrote the version before (`writer`).

        The row must be that version. It is another if a merge came out as something else: a zombie may write
        twice in a row. And a worker must have written it: a stranger need not know the row.
        """
        # perf: saves the comparison of most versions, and merges; plain form: return False.
        return producer == writer != NO_PRODUCER and key not in self._last and _is_of_a_worker(record)

    def _read_tombstone(self, key: bytes, row: Row, record: LogRecord) -> Row:
        """Returns the row of the key after a tombstone."""
        if not is_repair(record):
            self._end(key, row)
            return None
        if row is not None:
            # This equals neither a row nor a tombstone, so the key is written again in any case.
            self._last[key] = b""
        return row

    def revive(self, key: bytes) -> None:
        """Brings back the row before a tombstone: it is merged with what came after the tombstone."""
        ended, later = self.ended[key], self.rows.get(key)
        self.settle(key, ended if later is None else self._rules.merge(key, ended, later))

    def settle(self, key: bytes, row: Row) -> None:
        """Sets the row of a key, after both tables were compared."""
        before = self.rows.get(key)
        if row == before:
            return
        self._last.setdefault(key, before)
        if row is None:
            del self.rows[key]
        else:
            self.rows[key] = row

    def finish(self) -> RestoredTable:
        """Returns the rows, and what must be written again."""
        rewrite = {key for key, last in self._last.items() if self.rows.get(key) != last}
        ended = {key for key in rewrite if key not in self.rows}
        # A tombstone over garbage ended no row, but whoever reads only the last record sees a tombstone.
        last = {key: self._last[key] or None for key in rewrite}
        return RestoredTable(
            self.rows, rewrite | self.findings.garbage.keys(), self.findings, ended, last, self._rules
        )

    def _end(self, key: bytes, older: Row) -> None:
        self._last.pop(key, None)
        if older is not None:
            earlier = self.ended.get(key)
            self.ended[key] = older if earlier is None else self._rules.merge(key, earlier, older)


def _is_of_a_worker(record: LogRecord) -> bool:
    headers = record.headers
    return bool(headers) and headers[0][0] == CHANGED


class ChangelogReplay:
    """Reads the users and the loyalty changelog of one partition, in any interleaving."""

    def __init__(self, rules: TableRules, home: HomePartition = _ONLY, *, merge_all: bool = False) -> None:
        """`merge_all`: whether a producer id proves nothing. That is so if the log was copied: then one id
        may stand for all of its writers."""
        self._rules = rules
        self._merge_all = merge_all
        self._compared = False
        self._logs = {
            name: _LogReplay(rules.of(name), RowStore(rules.head), Findings(rules, name, home))
            for name in TABLE_NAMES
        }

    def findings(self, table: TableName) -> tuple[Findings, int]:
        """Returns what was found in a log so far, and how many keys have a row in it."""
        log = self._logs[table]
        return log.findings, len(log.rows)

    def row(self, table: TableName, key: bytes) -> Row:
        """Returns the row of a key that the records so far make, before both tables are compared."""
        return self._logs[table].rows.get(key)

    def read(self, table: TableName, records: Iterable[LogRecord], producer: int = NO_PRODUCER) -> None:
        """Reads the next records of one log, in log order. All of them were written with this producer id."""
        self._logs[table].read(records, NO_PRODUCER if self._merge_all else producer)

    def finish_in_steps(self) -> Iterator[None]:
        """Compares both tables in steps, so that a caller can let other tasks run between two of them. It is
        called when both logs are read to their ends."""
        rules, users, loyalty = self._rules, self._logs["users"], self._logs["loyalty"]
        for key, ended in users.ended.items():
            if not rules.is_marker(ended):
                users.revive(key)
            yield
        users.ended = {}
        for key in loyalty.ended:
            if rules.knows_deletion(users.rows.get(key)):
                loyalty.revive(key)
            yield
        loyalty.ended = {}
        if self._compared:
            return
        # perf: saves the comparison of rows without a deletion; plain form: reconcile every key.
        for key in users.rows.holding(rules.deletion_mark):
            if key not in loyalty.rows:
                continue
            users_row, loyalty_row = rules.reconcile(users.rows.get(key), loyalty.rows.get(key))
            users.settle(key, users_row)
            loyalty.settle(key, loyalty_row)
            yield
        loyalty.rows.share_keys(users.rows)
        self._compared = True

    def finish(self) -> dict[TableName, RestoredTable]:
        """Returns the rows, and what must be written again. What `finish_in_steps` has not done yet is done
        first."""
        for _ in self.finish_in_steps():
            pass
        return {name: log.finish() for name, log in self._logs.items()}
