"""Two changelogs in memory and the workers that write them, through the lane's own decision objects.

A worker is the owner, or a zombie: one that was paused, lost its partition and does not know it yet. What
it appended reaches the log only when the schedule says so.
"""

from collections import Counter, deque
from collections.abc import MutableMapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from app.lane.findings import Findings, Headers, Place
from app.lane.fold import PartitionFold
from app.lane.healing import heal
from app.lane.ledger import LogPartition, WriteLedger
from app.lane.rowlogic import TABLE_NAMES, Pair, PairLogic, Row, TableName
from tests.lane.toy_rows import apply_event

HOME: Final = Place(0, 2)
"""The partition of the two logs: `eve` and `bob` belong there, `ada` does not."""


class LogRecord(NamedTuple):
    key: bytes | None
    value: Row
    headers: Headers = ()
    offset: int = 0
    timestamp: int = -1


PLACES = {name: LogPartition(f"toy-{name}-changelog", 0) for name in TABLE_NAMES}


class Event(NamedTuple):
    key: bytes
    kind: str
    time: int


class Logs:
    """The broker's side."""

    def __init__(self) -> None:
        self.records: dict[TableName, list[LogRecord]] = {name: [] for name in TABLE_NAMES}
        self.dead: dict[TableName, list[int]] = {name: [] for name in TABLE_NAMES}
        """Offsets of the records of which there is a dead letter."""

    def write(self, name: TableName, record: LogRecord) -> int:
        """A record reaches the log; returns its offset."""
        log = self.records[name]
        log.append(record._replace(offset=len(log)))
        return len(log) - 1

    def bury(self, name: TableName, findings: Findings) -> None:
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
    logic: PairLogic
    rows: dict[TableName, MutableMapping[bytes, bytes]] = field(default_factory=dict)
    misplaced: dict[TableName, MutableMapping[bytes, bytes]] = field(default_factory=dict)
    ledger: WriteLedger = field(default_factory=WriteLedger)
    outbox: dict[TableName, deque[LogRecord]] = field(
        default_factory=lambda: {name: deque() for name in TABLE_NAMES}
    )
    unacknowledged: dict[TableName, tuple[int, int]] = field(default_factory=dict)
    appended: Counter[TableName] = field(default_factory=Counter)
    acknowledged: Counter[TableName] = field(default_factory=Counter)
    home: Place = field(default_factory=lambda: HOME)
    _events: list[tuple[Event, Counter[TableName]]] = field(default_factory=list)

    def recover(self) -> None:
        fold = PartitionFold(self.logic, self.home)
        for name in TABLE_NAMES:
            fold.read(name, self.logs.records[name])
            self.ledger.begin(PLACES[name], len(self.logs.records[name]))
        for name, folded in fold.finish().items():
            self.logs.bury(name, folded.findings)
            self.rows[name], self.misplaced[name] = folded.rows, folded.findings.misplaced
            for key in sorted(folded.rewrite):
                for value, headers in folded.records(key):
                    self.append(name, LogRecord(key, value, headers))

    def pair(self, key: bytes) -> Pair:
        return Pair(self.rows["users"].get(key), self.rows["loyalty"].get(key))

    def put(self, name: TableName, key: bytes, row: Row) -> None:
        if row is None:
            self.rows[name].pop(key, None)
        else:
            self.rows[name][key] = row
        self.append(name, LogRecord(key, row))

    def append(self, name: TableName, record: LogRecord) -> None:
        self.outbox[name].append(record)
        self.appended[name] += 1

    def process(self, event: Event) -> None:
        before = self.pair(event.key)
        after = apply_event(before, event.kind, event.time)
        for name, old, new in zip(TABLE_NAMES, before, after, strict=True):
            if old != new:
                self.put(name, event.key, new)
        self._events.append((event, self.appended.copy()))

    def uncommitted(self) -> list[Event]:
        """The events from the first one on whose records are not all acknowledged: the next owner's."""
        for place, (_, needed) in enumerate(self._events):
            if not needed <= self.acknowledged:
                return [event for event, _ in self._events[place:]]
        return []

    def send(self, name: TableName, count: int) -> None:
        """A batch reaches the log; its acknowledgement is still under way. One at a time."""
        if name in self.unacknowledged or not self.outbox[name]:
            return
        base = len(self.logs.records[name])
        batch = [self.outbox[name].popleft() for _ in range(min(count, len(self.outbox[name])))]
        for record in batch:
            self.logs.write(name, record)
        self.unacknowledged[name] = (base, len(batch))

    def hear(self, name: TableName, *, place_known: bool = True) -> None:
        """The acknowledgement arrives."""
        base, count = self.unacknowledged.pop(name, (0, 0))
        if count:
            self.ledger.acknowledged(PLACES[name], base if place_known else -1, count)
            self.acknowledged[name] += count

    def patrol(self) -> None:
        for name in TABLE_NAMES:
            if name not in self.unacknowledged:
                self.ledger.seen_end(PLACES[name], len(self.logs.records[name]))
        names = {place: name for name, place in PLACES.items()}
        for part in self.ledger.foreign():
            name = names[part.log]
            findings = Findings(self.logic, name, self.home, self.misplaced[name])
            for key, records in findings.at_home(self.logs.records[name][part.first : part.end], ()):
                values = [record.value for record in records if findings.counts(key, record, None)]
                healed = heal(self.logic, name, key, self.pair(key), values)
                for each in healed.rewrite:
                    self.put(each, key, getattr(healed.pair, each))
            self.logs.bury(name, findings)
            for key in findings.garbage:
                row = self.rows[name].get(key) or findings.misplaced.get(key)
                self.append(name, LogRecord(key, row, findings.repair(key)))
            self.ledger.merged(part)

    def drain(self) -> None:
        """Everything appended is written and acknowledged."""
        for name in TABLE_NAMES:
            self.hear(name)
            while self.outbox[name]:
                self.send(name, 100)
                self.hear(name)
