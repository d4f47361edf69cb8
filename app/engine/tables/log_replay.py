"""Makes rows again of one changelog of a partition, which is read from its start. It merges the records of a
key instead of keeping the last one (docs/design.md#restore).

If a zombie has written into a log, the last record of a key may be older than another one. So the records of
a key are merged, and the result is written again if the last record of the log differs from it.

A tombstone that was written over garbage ends no row: its writer had no row of the key, or did not have it
yet.

Most versions need no merge, and no comparison either. Each process has a producer id of its own. It held the
row, or had read it again, when it wrote the next version of the key. So of two versions in a row with the
same id the later one has everything that the earlier one has (docs/design.md#same-producer). A record of a
worker is known by its header `changed`.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from app.engine.producer.refusals import Headers
from app.engine.record_batches.fetched_records import NO_PRODUCER
from app.engine.tables.findings import Findings, HomePartition, LogRecord, is_repair
from app.engine.tables.merge_rules import CHANGED, Row, RowRules, TableName, TableRules
from app.engine.tables.row_store import RowStore


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


class LogReplay:
    """The replay of one changelog of the partition."""

    def __init__(self, rules: TableRules, table: TableName, home: HomePartition, *, lazily: bool) -> None:
        self.rows = RowStore(rules.head)
        self.findings = Findings(rules, table, home)
        self.is_certain = True
        """False if a row that was not judged at once is none. The row before it is forgotten then."""
        self._head, self._tail = rules.head, rules.tail
        self._lazily = lazily
        self._unjudged: set[bytes] = set()
        """The keys whose row is not judged yet."""
        self.ended: dict[bytes, bytes] = {}
        """By key, the merge of all rows before the last tombstone."""
        self._last: dict[bytes, Row] = {}
        """By key, the last record of the log, if the row may differ from it."""
        self._rules = rules.of(table)
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

    def _read_versions(self, key: bytes, versions: Sequence[LogRecord], producer: int) -> None:
        """Reads the next versions of a key."""
        # perf: `lazily` saves 80 % of reading rows with many versions; plain form: judge and read each.
        rows, row, writer, unread = self.rows, None, None, False
        # The first version is judged at once, because most keys of a large log have one.
        is_known = key in rows
        if self._lazily and (is_known or len(versions) > 1):
            if self._replace_unjudged(key, versions, producer):
                return
            self._judge(key)
            is_known = key in rows
        if is_known:
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

    def _replace_unjudged(self, key: bytes, versions: Sequence[LogRecord], producer: int) -> bool:
        """Returns whether the last of these versions has everything that the others and the row have. It is
        the row now, and is judged if anything else comes, or at the end. What does not look like a row of the
        key at once is judged at once."""
        if key in self.findings.garbage:
            return False
        writer = self._writers.get(key, self._usual_writer) if key in self.rows else producer
        head, newest = self._head(key), b""
        for record in versions:
            newest = record.value or b""
            if not (newest.startswith(head) and newest.endswith(self._tail)):
                return False
            if not self._has_all(key, writer, producer, record):
                return False
        self.rows[key] = newest
        self._unjudged.add(key)
        if self._writers or producer != self._usual_writer:
            self._writers[key] = producer
        return True

    def _judge(self, key: bytes) -> None:
        """Judges the row of a key, if it is not judged yet."""
        if key in self._unjudged:
            self._unjudged.remove(key)
            if not self.findings.is_row(key, self.rows[key]):
                self.is_certain = False
                del self.rows[key]

    def judge_in_steps(self) -> Iterator[None]:
        """Judges the rows that are not judged yet, and yields after each."""
        for key in tuple(self._unjudged):
            self._judge(key)
            yield

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
