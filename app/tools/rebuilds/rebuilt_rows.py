"""The rows of one partition, made again of events and of old rows. It has no I/O and no clock."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Final

from msgspec import Struct

from app.canonical import Event
from app.canonical_records import event_of, objection
from app.engine import (
    CHANGED,
    ChangelogRows,
    Headers,
    Pair,
    PartitionRows,
    Record,
    Row,
    RowStore,
    TableName,
    partition_of,
)
from app.key_state import KeyTables
from app.outcome import Dead
from app.state import decode_user, expired
from app.table_rules import TABLE_RULES
from app.times import parse_rfc3339
from app.tools.topic_writer import Outgoing
from app.topics import OutputTopic

_NAMES: Final[tuple[TableName, TableName]] = ("users", "loyalty")


class FoldCounts(Struct):
    """What became of the records of canonical topics."""

    applied: int = 0
    none: int = 0
    """Records that are no events, which a worker writes to the dead-letter topic."""
    covered: int = 0
    """Events of records of which a second canonical topic has the events."""
    ended: int = 0
    """Events that are older than the grace period, of users whose marker has been ended."""
    too_large: int = 0
    """Events after which a row would be too large."""


class _Nowhere:
    def append(
        self, topic: str, partition: int, key: bytes | None, value: bytes | None, *, headers: Headers
    ) -> None: ...


class RebuiltRows:
    """Begins with the rows that the new changelogs have, takes in events and old rows, and says what must be
    written then."""

    def __init__(
        self, begin: ChangelogRows | None, home: tuple[int, int], topic: OutputTopic, counts: FoldCounts
    ) -> None:
        """`home`: the partition, and the number of partitions. `topic`: the new changelog that accepts the
        smaller records."""
        self.users = begin.users if begin else RowStore(TABLE_RULES.head)
        self.loyalty = begin.loyalty if begin else RowStore(TABLE_RULES.head)
        self._partition, self._partitions = home
        self._live = PartitionRows(self.users), PartitionRows(self.loyalty)
        self._tables = KeyTables(*self._live, topic)
        self._counts = counts
        self._before: dict[bytes, Pair] = {}
        """The rows, before they were changed, of each key that may have changed."""

    def pair(self, key: bytes) -> Pair:
        """Returns both rows of a key."""
        return Pair(self.users.get(key), self.loyalty.get(key))

    def fold(self, records: Iterable[Record], is_covered: Callable[[Event], bool], oldest: "Oldest") -> None:
        """Applies the events of the records in their order, as a worker does."""
        by_key: defaultdict[bytes, list[Event]] = defaultdict(list)
        for record in records:
            event = event_at_home(record, self._partition, self._partitions)
            if event is None:
                self._counts.none += 1
            elif is_covered(event):
                self._counts.covered += 1
            elif oldest.leaves_out(record.key or b"", event):
                self._counts.ended += 1
            else:
                by_key[record.key or b""].append(event)
                self._counts.applied += 1
        for key, events in by_key.items():
            self._apply(key, events)
        for live in self._live:
            live.append_changed(_Nowhere(), "", 0)

    def _apply(self, key: bytes, events: list[Event]) -> None:
        self._touch(key)
        state = self._tables.read(key)
        for index, event in enumerate(events):
            state.apply(index, event)
        if state.put():
            return
        for event in events:
            state = self._tables.read(key)
            state.apply(0, event)
            if not state.put():
                self._counts.too_large += 1
                self._counts.applied -= 1

    def merge(self, rows: ChangelogRows, without: AbstractSet[str]) -> int:
        """Merges rows of other changelogs, but for those of the vendors `without`. Returns the number of
        keys."""
        merged = 0
        for key in rows.users.keys() | rows.loyalty.keys():
            if vendor_in(key) not in without:
                self._touch(key)
                self._set(key, merged_pair(key, self.pair(key), rows.pair(key)))
                merged += 1
        return merged

    def expire(self, now_micros: int, grace_micros: int) -> None:
        """Removes the markers of deletions that are older than the grace period, as a worker does."""
        for key in self.users.holding(TABLE_RULES.deletion_mark):
            user = self.users[key]
            if TABLE_RULES.is_marker(user) and expired(decode_user(user), now_micros, grace_micros):
                self._touch(key)
                self._set(key, Pair(None, None))

    def _touch(self, key: bytes) -> None:
        if key not in self._before:
            self._before[key] = self.pair(key)

    def _set(self, key: bytes, pair: Pair) -> None:
        for store, row in ((self.users, pair.users), (self.loyalty, pair.loyalty)):
            if row is None:
                store.pop(key, None)
            else:
                store[key] = row

    def outgoing(self, topics: tuple[str, str]) -> Iterator[Outgoing]:
        """Yields the records that the new changelogs need."""
        for key, before in self._before.items():
            yield from row_records(key, before, self.pair(key), topics, self._partition)


def row_records(
    key: bytes, before: Pair, after: Pair, topics: tuple[str, str], partition: int
) -> Iterator[Outgoing]:
    """Yields a record for each row of a key that differs: the row, or a tombstone."""
    for name, topic, old, new in zip(_NAMES, topics, before, after, strict=True):
        if old != new:
            changed = TABLE_RULES.of(name).changed(old, new)
            yield Outgoing(topic, partition, key, new, [(CHANGED, changed)])


def merged_pair(key: bytes, ours: Pair, others: Pair) -> Pair:
    """Returns both rows of a key, joined (docs/tables.md#merge)."""
    users = _merged("users", key, others.users, ours.users)
    loyalty = _merged("loyalty", key, others.loyalty, ours.loyalty)
    if TABLE_RULES.knows_deletion(users):
        users, loyalty = TABLE_RULES.reconcile(users, loyalty)
    return Pair(users, loyalty)


def _merged(table: TableName, key: bytes, one: Row, other: Row) -> Row:
    if one is None or one == other:
        return other
    rules = TABLE_RULES.of(table)
    if other is None or rules.supersedes(other, one):
        return one
    return rules.merge(key, one, other)


class Oldest:
    """Which events are left out because the user's marker has been ended: the table had forgotten the user,
    and a later event would have made a row again."""

    def __init__(self, ended: AbstractSet[bytes] = frozenset(), before_micros: int = 0) -> None:
        """`ended`: keys whose last record on the old users changelog is a tombstone."""
        self._ended = ended
        self._before = before_micros

    def leaves_out(self, key: bytes, event: Event) -> bool:
        return key in self._ended and time_of(event) <= self._before


def event_at_home(record: Record, partition: int, partitions: int) -> Event | None:
    """Returns the event of a record of the canonical topic; None if a worker does not apply it."""
    event = event_of(record)
    if isinstance(event, Dead):
        return None
    is_home = partition_of(record.key or b"", partitions) == partition
    return None if objection(event, record, is_home) else event


def time_of(event: Event) -> int:
    """Returns the event's time in microseconds since 1970."""
    micros = parse_rfc3339(event.time)
    assert micros is not None, "decode_event has judged it"
    return micros


def vendor_in(key: bytes) -> str:
    """Returns the vendor of a key."""
    return key.partition(b"/")[0].decode("utf-8", "replace")
