"""The two tables, their logs and the books about them, for those who recover and those who heal."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

from app.lane.findings import (
    Findings,
    Place,
    WriteDeadLetter,
    later_version,
    partition_count_changed,
    too_many_misplaced,
)
from app.lane.fold import FoldedTable, PartitionFold
from app.lane.healing import heal
from app.lane.ledger import LogPartition, WriteLedger
from app.lane.producer import GroupProducer
from app.lane.rowlogic import TABLE_NAMES, Pair, PairLogic, Row, TableName
from app.lane.tables import LaneTable


@dataclass(slots=True, kw_only=True)
class TablePair:
    """Every method returns without awaiting: an agent's slice never sees a half of it."""

    users: LaneTable
    loyalty: LaneTable
    logic: PairLogic
    producer: GroupProducer
    partitions: int
    """Of the canonical topic and of both changelogs."""
    dead_letter: WriteDeadLetter
    ledger: WriteLedger = field(default_factory=WriteLedger)
    _misplaced: dict[LogPartition, MutableMapping[bytes, bytes]] = field(default_factory=dict)

    def table(self, name: TableName) -> LaneTable:
        return self.users if name == "users" else self.loyalty

    def name_of(self, topic: str) -> TableName:
        """Which table a changelog topic belongs to; raises KeyError for any other topic."""
        return {self.table(name).changelog_topic_name: name for name in TABLE_NAMES}[topic]

    def logs(self, partition: int) -> list[LogPartition]:
        return [LogPartition(self.table(name).changelog_topic_name, partition) for name in TABLE_NAMES]

    def fold(self, partition: int) -> PartitionFold:
        """For the records of both logs of a partition, from their start."""
        return PartitionFold(self.logic, Place(partition, self.partitions))

    def objection(self, folds: Mapping[int, PartitionFold]) -> str | None:
        """What forbids to write anything, now that the logs of these partitions have been read: one line."""
        for name in TABLE_NAMES:
            topic = self.table(name).changelog_topic_name
            all_misplaced = all_keys = 0
            for partition, fold in folds.items():
                findings, rows = fold.findings(name)
                log = LogPartition(topic, partition)
                if findings.later is not None:
                    return later_version(log, findings.later)
                misplaced = len(findings.misplaced)
                keys = misplaced + rows
                if too_many_misplaced(misplaced, keys):
                    return partition_count_changed(f"{topic}/{partition}", misplaced, keys)
                all_misplaced += misplaced
                all_keys += keys
            if too_many_misplaced(all_misplaced, all_keys):
                return partition_count_changed(topic, all_misplaced, all_keys)
        return None

    def install(
        self, partition: int, folded: Mapping[TableName, FoldedTable], ends: Mapping[LogPartition, int]
    ) -> None:
        """The rows of a partition, read up to `ends`, become live."""
        for name, log in zip(TABLE_NAMES, self.logs(partition), strict=True):
            self.table(name).install(partition, folded[name].rows)
            self.ledger.begin(log, ends[log])
            self._misplaced[log] = folded[name].findings.misplaced

    def forget(self, partition: int) -> None:
        for name, log in zip(TABLE_NAMES, self.logs(partition), strict=True):
            self.table(name).forget(partition)
            self.ledger.forget(log)
            self._misplaced.pop(log, None)

    def foreign(self, log: LogPartition) -> Findings:
        """For records that somebody else wrote into a live log."""
        place = Place(log.partition, self.partitions)
        return Findings(self.logic, self.name_of(log.topic), place, self._misplaced.get(log))

    def bury(self, log: LogPartition, findings: Findings) -> None:
        """Appends the dead letters of all garbage that was found in a log. Only once they are acknowledged
        may anything be written over it."""
        for those in findings.garbage.values():
            for garbage in those:
                self.dead_letter(log, garbage)

    def merge_foreign(
        self, log: LogPartition, foreign: Mapping[bytes, Sequence[Row]], findings: Findings
    ) -> int:
        """Merges rows that somebody else wrote into our live ones and appends what the log then needs, also
        over the garbage in `findings`.

        Read, merge and append happen at once, so an agent's write to the same key is either before or
        after all of it, in memory as in the log. Returns the number of records appended.
        """
        name = self.name_of(log.topic)
        live = {each: self.table(each).live(log.partition) for each in TABLE_NAMES}
        for key, seen in foreign.items():
            ours = Pair(*(live[each].get(key) for each in TABLE_NAMES))
            healed = heal(self.logic, name, key, ours, seen)
            for each in healed.rewrite:
                live[each].put(key, getattr(healed.pair, each))
        written = sum(self.table(each).flush(self.producer) for each in TABLE_NAMES)
        for key in findings.garbage:
            row = live[name].get(key)
            if row is None:
                row = findings.misplaced.get(key)
            self.producer.append(*log, key, row, headers=findings.repair(key))
        return written + len(findings.garbage)
