"""Decides which records of a changelog count as not written, for a restore and for the repair
(docs/tables.md#no-row).

A record without a key is skipped, and so is one that is not read (`open_batches.py`), whose key is not
known. Garbage is a value that is no row of its key. It becomes a dead letter, and the key's row, or a
tombstone, is written over it with the header `repaired`, which names the offset of the garbage. So the next
reader of the log knows that this garbage has been repaired. A row whose key belongs to another partition is
left as it is, because no worker owns it here. A row of a later version is left as it is, too.
"""

from collections.abc import Container, Iterable, Iterator, MutableMapping
from typing import Final, Literal, NamedTuple, Protocol, get_args

from app.engine.producer.partitioner import partition_of_new
from app.engine.producer.refusals import Headers
from app.engine.record_batches.open_batches import UnreadRecord
from app.engine.tables.merge_rules import NoRow, Row, TableName, TableRules
from app.engine.tables.write_ledger import LogPartition

REPAIRED: Final = "repaired"
"""The header of a record that was written over garbage. Its value is the offset of the last garbage before
it."""

SkippedKind = Literal[
    "garbage", "keyless", "not_read", "misplaced_row", "misplaced_tombstone", "later_version"
]
SKIPPED_KINDS: tuple[SkippedKind, ...] = get_args(SkippedKind)

_OFFSET_DIGITS: Final = 19
# A few keys in a wrong partition are a producer's mistake. If they are at least this many, and at least this
# share of the keys of a log, the partition count was changed.
_MANY: Final = 10
_MANY_SHARE: Final = 0.01


class LogRecord(Protocol):
    """What is read of a record of a changelog. `timestamp` is in milliseconds, -1 if there is none."""

    @property
    def key(self) -> bytes | None: ...
    @property
    def value(self) -> Row: ...
    @property
    def headers(self) -> Headers: ...
    @property
    def offset(self) -> int: ...
    @property
    def timestamp(self) -> int: ...


class Garbage(NamedTuple):
    """A record of a changelog that is no row of its key."""

    record: LogRecord
    why: NoRow


class WriteDeadLetter(Protocol):
    def __call__(self, log: LogPartition, garbage: Garbage, /) -> None:
        """Appends the dead letter of a record to the producer of the changelogs."""


class HomePartition(NamedTuple):
    """A partition, and the number of partitions of its topic."""

    partition: int
    partitions: int


class Findings:
    """What was found so far in the records of one changelog partition that count as not written."""

    def __init__(
        self,
        rules: TableRules,
        table: TableName,
        home: HomePartition,
        misplaced: MutableMapping[bytes, bytes] | None = None,
    ) -> None:
        """`misplaced` holds the rows of other partitions that an earlier reading has found in the log."""
        self.garbage: dict[bytes, list[Garbage]] = {}
        self.misplaced = {} if misplaced is None else misplaced
        """By key, the rows of keys that belong to another partition."""
        self._keyless = 0
        self._not_read = 0
        self._misplaced_rows = 0
        self._misplaced_tombstones = 0
        self.later: int | None = None
        """The offset of the first row of a later version, if there is one."""
        self._judge = rules.judge
        self._table = table
        self._home = home

    def at_home(
        self, records: Iterable[LogRecord], known: Container[bytes]
    ) -> Iterator[tuple[bytes, list[LogRecord]]]:
        """Yields each key that belongs to this partition, with its records in log order. `counts` then tells
        which of them count as written.

        Every key in `known` belongs to this partition.
        """
        by_key: dict[bytes, list[LogRecord]] = {}
        for record in records:
            key = record.key
            if key is None:  # no worker wrote it, and no row can be stored without a key
                if isinstance(record, UnreadRecord):
                    self._not_read += 1
                else:
                    self._keyless += 1
            else:
                by_key.setdefault(key, []).append(record)
        home, partitions = self._home
        # perf: `known` saves the hash of a key that has a row; plain form: hash every key.
        for key, those in by_key.items():
            if key in known or partition_of_new(key, partitions) == home:
                yield key, those
            else:
                self._read_misplaced(key, those)

    def counts(self, key: bytes, record: LogRecord, row: Row) -> bool:
        """Returns whether a record of a key that belongs here is a row of that key, or a tombstone.

        `row` is a row of the key that was judged before, or None.
        """
        if self.garbage and key in self.garbage:
            self._settle(key, record)
        value = record.value
        # perf: the equal of a row that was judged before is not judged again; plain form: judge every value.
        if value is None or value == row:
            return True
        verdict = self._judge(self._table, key, value)
        if verdict is None:
            return True
        if isinstance(verdict, NoRow):
            self.garbage.setdefault(key, []).append(Garbage(record, verdict))
        elif self.later is None or record.offset < self.later:
            self.later = record.offset
        return False

    def is_row(self, key: bytes, value: bytes) -> bool:
        """Returns whether a value is a row of a key. Nothing is noted if it is not."""
        return self._judge(self._table, key, value) is None

    def repair_headers(self, key: bytes) -> Headers:
        """Returns the headers of the record that is written under the key: they name its garbage, if it has
        any."""
        garbage = self.garbage.get(key)
        return [(REPAIRED, b"%d" % garbage[-1].record.offset)] if garbage else ()

    def skipped(self) -> dict[SkippedKind, int]:
        """Returns how many records count as not written, by kind."""
        return {
            "garbage": sum(map(len, self.garbage.values())),
            "keyless": self._keyless,
            "not_read": self._not_read,
            "misplaced_row": self._misplaced_rows,
            "misplaced_tombstone": self._misplaced_tombstones,
            "later_version": int(self.later is not None),
        }

    def _read_misplaced(self, key: bytes, records: Iterable[LogRecord]) -> None:
        for record in records:
            repaired = _repaired(record)
            if key in self.garbage:
                self._settle(key, record)
            value = record.value
            if value is None:
                self.misplaced.pop(key, None)
                self._misplaced_tombstones += repaired is None
                continue
            verdict = self._judge(self._table, key, value)
            if isinstance(verdict, NoRow):
                self.garbage.setdefault(key, []).append(Garbage(record, verdict))
            else:
                # No worker owns it here, whichever version of the program wrote it.
                self.misplaced[key] = value
                self._misplaced_rows += repaired is None

    def _settle(self, key: bytes, record: LogRecord) -> None:
        """Forgets the garbage that this record was written over."""
        repaired = _repaired(record)
        if repaired is None:
            return
        left = [each for each in self.garbage[key] if each.record.offset > repaired]
        if left:
            self.garbage[key] = left
        else:
            del self.garbage[key]


def is_repair(record: LogRecord) -> bool:
    """Returns whether a record was written over garbage."""
    return _repaired(record) is not None


def _repaired(record: LogRecord) -> int | None:
    for name, value in record.headers:
        if name == REPAIRED and value is not None and value.isdigit() and len(value) <= _OFFSET_DIGITS:
            return int(value)
    return None


def too_many_misplaced(misplaced: int, keys: int) -> bool:
    """Returns whether the partition count must have been changed, as `misplaced` of `keys` keys of a log
    belong to other partitions."""
    return misplaced >= max(_MANY, keys * _MANY_SHARE)


def later_version(log: LogPartition, offset: int) -> str:
    """Returns the phrase that says why nothing may be written to a log: this version would lose the parts of
    the row that it does not know."""
    return f"{log.topic}/{log.partition}/{offset} is a row of a later version"


def partition_count_changed(log: str, misplaced: int, keys: int) -> str:
    """Returns the line with which a worker refuses a log that holds too many keys of other partitions."""
    return (
        f"{log}: {misplaced} of {keys} keys belong to other partitions: its partition count was changed, or"
        " rows were written with another partitioner; nothing was written"
    )
