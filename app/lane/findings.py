"""What stands on a changelog and counts as not written: judged here, for recovery and guard alike.

A record without a key is skipped. A value that is no row of its key (garbage) becomes a dead letter, and the
key's row, or a tombstone, is written over it with the header `repaired`, which names its offset: so the
next one who reads the log knows that this garbage has been dealt with. A row under a key that belongs to
another partition is nobody's here: it is left as it is, and so is a row of a later version.
"""

from collections.abc import Container, Iterable, Iterator, MutableMapping, Sequence
from typing import Final, Literal, NamedTuple, Protocol, get_args

from app.lane.ledger import LogPartition
from app.lane.partitioner import partition_of_new
from app.lane.rowlogic import NoRow, PairLogic, Row, TableName

Headers = Sequence[tuple[str, bytes | None]]

REPAIRED: Final = "repaired"
"""Header of a record that was written over garbage: the offset of the last one that it stands over."""

Skipped = Literal["garbage", "keyless", "misplaced_row", "misplaced_tombstone", "later_version"]
SKIPPED: tuple[Skipped, ...] = get_args(Skipped)

_OFFSET_DIGITS: Final = 19
# A few keys in a wrong partition are a producer's mistake. More say that the partition count was changed:
# so many, and so large a share of the keys of a log.
_MANY: Final = 10
_MANY_SHARE: Final = 0.01


class LogRecord(Protocol):
    """What is read of a record of a changelog. `timestamp` in milliseconds, -1 if it has none."""

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
    record: LogRecord
    why: NoRow


class WriteDeadLetter(Protocol):
    def __call__(self, log: LogPartition, garbage: Garbage, /) -> None:
        """Appends the dead letter of a record to the producer of the changelogs."""


class Place(NamedTuple):
    """A partition, and how many its topic has."""

    partition: int
    partitions: int


class Findings:
    """What was found so far in the records of one changelog partition."""

    def __init__(
        self,
        logic: PairLogic,
        table: TableName,
        place: Place,
        misplaced: MutableMapping[bytes, bytes] | None = None,
    ) -> None:
        """`misplaced`: what is known already of the rows that are in the wrong partition."""
        self.garbage: dict[bytes, list[Garbage]] = {}
        self.misplaced = {} if misplaced is None else misplaced
        """The rows of keys that belong to another partition, by key."""
        self._keyless = 0
        self._misplaced_rows = 0
        self._misplaced_tombstones = 0
        self.later: int | None = None
        """The offset of the first row of a later version."""
        self._judge = logic.judge
        self._table = table
        self._place = place

    def at_home(
        self, records: Iterable[LogRecord], known: Container[bytes]
    ) -> Iterator[tuple[bytes, list[LogRecord]]]:
        """The records with a key that belongs to this partition, by key and in log order; which of them
        count `counts` says. Those of a key in `known` belong here."""
        by_key: dict[bytes, list[LogRecord]] = {}
        for record in records:
            key = record.key
            if key is None:  # not ours, and nothing can be stored under it
                self._keyless += 1
            else:
                by_key.setdefault(key, []).append(record)
        home, partitions = self._place
        for key, those in by_key.items():
            if key in known or partition_of_new(key, partitions) == home:
                yield key, those
            else:
                self._read_misplaced(key, those)

    def counts(self, key: bytes, record: LogRecord, row: Row) -> bool:
        """Whether a record of a key that is at home is a row of it, or a tombstone. `row` is one of its
        rows: its equal need not be judged."""
        if self.garbage and key in self.garbage:
            self._settle(key, record)
        value = record.value
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

    def repair(self, key: bytes) -> Headers:
        """The headers of the record that is now written under the key."""
        garbage = self.garbage.get(key)
        return [(REPAIRED, b"%d" % garbage[-1].record.offset)] if garbage else ()

    def skipped(self) -> dict[Skipped, int]:
        """How many records were skipped, by kind."""
        return {
            "garbage": sum(map(len, self.garbage.values())),
            "keyless": self._keyless,
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
                # Whichever version wrote it, it is nobody's here.
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
    """Whether a record was written over garbage."""
    return _repaired(record) is not None


def _repaired(record: LogRecord) -> int | None:
    for name, value in record.headers:
        if name == REPAIRED and value is not None and value.isdigit() and len(value) <= _OFFSET_DIGITS:
            return int(value)
    return None


def too_many_misplaced(misplaced: int, keys: int) -> bool:
    """Whether so many of so many keys in a wrong partition say that the partition count was changed."""
    return misplaced >= max(_MANY, keys * _MANY_SHARE)


def later_version(log: LogPartition, offset: int) -> str:
    """The line with which a worker stops for a row of a later version."""
    return (
        f"{log.topic}/{log.partition}/{offset} is a row of a later version of Rollcall; this version would"
        " lose what it does not know of it: run the later version"
    )


def partition_count_changed(log: str, misplaced: int, keys: int) -> str:
    """The line with which a worker refuses a log that is full of keys which do not belong there."""
    return (
        f"{log}: {misplaced} of {keys} keys belong to other partitions: its partition count was changed, or"
        " rows were written with another partitioner; nothing was written"
    )
