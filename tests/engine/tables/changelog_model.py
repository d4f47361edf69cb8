"""Two changelogs in memory, and the workers that write them by the engine's own decision objects.

A worker is the owner, or a zombie: one that was stopped, lost its partition and does not know it yet. What it
has appended reaches the log only when the schedule sends it.
"""

from collections import Counter, deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from itertools import count, groupby
from typing import Final, NamedTuple

from app.engine.producer.refusals import Headers
from app.engine.record_batches.fetched_records import NO_PRODUCER
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.findings import Findings, HomePartition
from app.engine.tables.merge_rules import CHANGED, TABLE_NAMES, Pair, Row, TableName, TableRules
from app.engine.tables.write_ledger import LogPartition, WriteLedger
from app.engine.tables.zombie_rows import merge_zombie_records
from tests.engine.toy_rows import apply_event

HOME: Final = HomePartition(0, 2)
"""The partition of both logs: the keys `eve` and `bob` belong there, `ada` does not."""


class LogRecord(NamedTuple):
    key: bytes | None
    value: Row
    headers: Headers = ()
    offset: int = 0
    timestamp: int = -1
    producer: int = NO_PRODUCER
    """The producer id in the header of its batch."""


PARTITIONS = {name: LogPartition(f"toy-{name}-changelog", 0) for name in TABLE_NAMES}


class Event(NamedTuple):
    key: bytes
    kind: str
    time: int


class Logs:
    """Both changelogs, as the broker has them."""

    def __init__(self) -> None:
        self.records: dict[TableName, list[LogRecord]] = {name: [] for name in TABLE_NAMES}
        self.dead: dict[TableName, list[int]] = {name: [] for name in TABLE_NAMES}
        """The offsets of the records that have a dead letter."""
        self.ends: Counter[TableName] = Counter()
        """The offset after the last record of each log."""
        self.producers = count()
        """The producer ids that the broker gives."""

    def write(self, name: TableName, record: LogRecord) -> int:
        """Returns the offset of a record that is written to the log."""
        offset = self.ends[name]
        self.records[name].append(record._replace(offset=offset))
        self.ends[name] += 1
        return offset

    def compact(self, name: TableName, end: int, *, tombstones: bool) -> None:
        """Keeps only the last record of each key of those before the offset `end`, and all records from
        there on. `tombstones`: whether such a last record is also removed if it is a tombstone."""
        records = self.records[name]
        last = {record.key: record.offset for record in records if record.offset < end}
        self.records[name] = [
            record
            for record in records
            if record.offset >= end
            or (record.offset == last[record.key] and not (tombstones and record.value is None))
        ]

    def append_dead_letters(self, name: TableName, findings: Findings) -> None:
        for those in findings.garbage.values():
            self.dead[name] += [garbage.record.offset for garbage in those]

    def last(self, key: bytes) -> Pair:
        def last_of(name: TableName) -> Row:
            return next((r.value for r in reversed(self.records[name]) if r.key == key), None)

        return Pair(last_of("users"), last_of("loyalty"))


@dataclass
class Worker:
    """One process that owns, or believes it owns, the partition."""

    logs: Logs
    rules: TableRules
    rows: dict[TableName, MutableMapping[bytes, bytes]] = field(default_factory=dict)
    misplaced: dict[TableName, MutableMapping[bytes, bytes]] = field(default_factory=dict)
    ledger: WriteLedger = field(default_factory=WriteLedger)
    outbox: dict[TableName, deque[LogRecord]] = field(
        default_factory=lambda: {name: deque() for name in TABLE_NAMES}
    )
    unacknowledged: dict[TableName, tuple[int, int]] = field(default_factory=dict)
    appended: Counter[TableName] = field(default_factory=Counter)
    acknowledged: Counter[TableName] = field(default_factory=Counter)
    home: HomePartition = field(default_factory=lambda: HOME)
    records_at_once: int = 1_000
    """How many records of one producer id it reads at once."""
    producer: int = NO_PRODUCER
    _events: list[tuple[Event, Counter[TableName]]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.producer = next(self.logs.producers)

    def restore(self) -> None:
        """Reads the logs, at the start or when it has the partition again. Everything that it has appended
        before is in them."""
        replay = self._replay(lazily=True)
        if not replay.is_certain:
            replay = self._replay(lazily=False)
        for name in TABLE_NAMES:
            self.ledger.begin(PARTITIONS[name], self.logs.ends[name])
        for name, restored in replay.finish().items():
            self.logs.append_dead_letters(name, restored.findings)
            self.rows[name], self.misplaced[name] = restored.rows, restored.findings.misplaced
            for key in sorted(restored.rewrite):
                for value, headers in restored.records(key):
                    self.append(name, LogRecord(key, value, headers))

    def _replay(self, *, lazily: bool) -> ChangelogReplay:
        replay = ChangelogReplay(self.rules, self.home, lazily=lazily)
        for name in TABLE_NAMES:
            for producer, run in groupby(self.logs.records[name], lambda record: record.producer):
                records = list(run)
                for start in range(0, len(records), self.records_at_once):
                    replay.read(name, records[start : start + self.records_at_once], producer)
        for _ in replay.judge_in_steps():
            pass
        return replay

    def pair(self, key: bytes) -> Pair:
        return Pair(self.rows["users"].get(key), self.rows["loyalty"].get(key))

    def put(self, name: TableName, key: bytes, row: Row) -> None:
        if row is None:
            self.rows[name].pop(key, None)
        else:
            self.rows[name][key] = row
        self.append(name, LogRecord(key, row))

    def append(self, name: TableName, record: LogRecord) -> None:
        headers = record.headers or [(CHANGED, b"")]
        self.outbox[name].append(record._replace(headers=headers, producer=self.producer))
        self.appended[name] += 1

    def process(self, event: Event) -> None:
        before = self.pair(event.key)
        after = apply_event(before, event.kind, event.time)
        for name, old, new in zip(TABLE_NAMES, before, after, strict=True):
            if old != new:
                self.put(name, event.key, new)
        self._events.append((event, self.appended.copy()))

    def uncommitted(self) -> list[Event]:
        """Returns the events that the next owner handles again: all from the first one whose records are not
        all acknowledged."""
        for index, (_, needed) in enumerate(self._events):
            if not needed <= self.acknowledged:
                return [event for event, _ in self._events[index:]]
        return []

    def gets_it_back(self) -> None:
        """Restores the partition, which it has lost meanwhile. It is the same process, with the same producer
        id. What it had not committed, the owner of the meantime handles."""
        self.drain()
        self._events.clear()
        self.restore()

    def send(self, name: TableName, count: int) -> None:
        """Writes a batch to the log. Its acknowledgement comes later; until then no other batch is sent."""
        if name in self.unacknowledged or not self.outbox[name]:
            return
        base = self.logs.ends[name]
        batch = [self.outbox[name].popleft() for _ in range(min(count, len(self.outbox[name])))]
        for record in batch:
            self.logs.write(name, record)
        self.unacknowledged[name] = (base, len(batch))

    def hear(self, name: TableName, *, offset_known: bool = True) -> None:
        """Receives the acknowledgement of the batch in flight."""
        base, count = self.unacknowledged.pop(name, (0, 0))
        if count:
            self.ledger.acknowledged(PARTITIONS[name], base if offset_known else -1, count)
            self.acknowledged[name] += count

    def scan(self) -> None:
        for name in TABLE_NAMES:
            if name not in self.unacknowledged:
                self.ledger.seen_end(PARTITIONS[name], self.logs.ends[name])
        names = {log: name for name, log in PARTITIONS.items()}
        for part in self.ledger.zombie_ranges():
            name = names[part.log]
            findings = Findings(self.rules, name, self.home, self.misplaced[name])
            foreign = [each for each in self.logs.records[name] if part.first <= each.offset < part.end]
            for key, records in findings.at_home(foreign, ()):
                values = [record.value for record in records if findings.counts(key, record, None)]
                repaired = merge_zombie_records(self.rules, name, key, self.pair(key), values)
                for each in repaired.rewrite:
                    self.put(each, key, getattr(repaired.pair, each))
            self.logs.append_dead_letters(name, findings)
            for key in findings.garbage:
                row = self.rows[name].get(key) or findings.misplaced.get(key)
                self.append(name, LogRecord(key, row, [(CHANGED, b""), *findings.repair_headers(key)]))
            self.ledger.merged(part)

    def drain(self) -> None:
        """Writes everything that is appended, and receives the acknowledgements."""
        for name in TABLE_NAMES:
            self.hear(name)
            while self.outbox[name]:
                self.send(name, 100)
                self.hear(name)
