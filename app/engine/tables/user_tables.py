"""Both tables, their changelogs, and what is known about the changelogs, for the restore and the repair."""

from collections.abc import Mapping, MutableMapping, Sequence
from dataclasses import dataclass, field

from app.engine.producer.producer import GroupCommitProducer
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.findings import (
    Findings,
    HomePartition,
    WriteDeadLetter,
    later_version,
    partition_count_changed,
    too_many_misplaced,
)
from app.engine.tables.log_replay import RestoredTable
from app.engine.tables.merge_rules import CHANGED, TABLE_NAMES, Pair, Row, TableName, TableRules
from app.engine.tables.table import SliceTable
from app.engine.tables.write_ledger import LogPartition, WriteLedger
from app.engine.tables.zombie_rows import merge_zombie_records


@dataclass(slots=True, kw_only=True)
class UserTables:
    """Both tables of a worker. No method that changes rows awaits, so no agent ever sees half of what it
    does."""

    users: SliceTable
    loyalty: SliceTable
    rules: TableRules
    producer: GroupCommitProducer
    partitions: int
    """The partition count of the canonical topic and of both changelogs."""
    dead_letter: WriteDeadLetter
    merge_all: bool = False
    """Whether a restore merges all versions of a key, whoever wrote them (docs/design.md#same-producer)."""
    ledger: WriteLedger = field(default_factory=WriteLedger)
    _misplaced: dict[LogPartition, MutableMapping[bytes, bytes]] = field(default_factory=dict)

    def table(self, name: TableName) -> SliceTable:
        """Returns the table of this name."""
        return self.users if name == "users" else self.loyalty

    def name_of(self, topic: str) -> TableName:
        """Returns the table to which a changelog topic belongs. Raises KeyError for any other topic."""
        return {self.table(name).changelog_topic_name: name for name in TABLE_NAMES}[topic]

    def logs(self, partition: int) -> list[LogPartition]:
        """Returns the changelogs of a partition, in the order of TABLE_NAMES."""
        return [LogPartition(self.table(name).changelog_topic_name, partition) for name in TABLE_NAMES]

    def replay(self, partition: int, *, lazily: bool = False) -> ChangelogReplay:
        """Returns the replay of both changelogs of a partition, with nothing read yet. `lazily`: as in
        `ChangelogReplay`."""
        home = HomePartition(partition, self.partitions)
        return ChangelogReplay(self.rules, home, merge_all=self.merge_all, lazily=lazily)

    def objection(self, replays: Mapping[int, ChangelogReplay]) -> str | None:
        """Returns one line that says why nothing may be written to these changelogs, which have been read to
        their ends; None if nothing forbids it."""
        for name in TABLE_NAMES:
            topic = self.table(name).changelog_topic_name
            all_misplaced = all_keys = 0
            for partition, replay in replays.items():
                findings, rows = replay.findings(name)
                misplaced = len(findings.misplaced)
                keys = misplaced + rows
                if too_many_misplaced(misplaced, keys):
                    return partition_count_changed(f"{topic}/{partition}", misplaced, keys)
                all_misplaced += misplaced
                all_keys += keys
            if too_many_misplaced(all_misplaced, all_keys):
                return partition_count_changed(topic, all_misplaced, all_keys)
        return None

    def later_versions(self, replays: Mapping[int, ChangelogReplay]) -> dict[int, str]:
        """Returns the partitions in whose changelogs, which have been read to their ends, a later version has
        written a row, each with a phrase that says where. Nothing may be written to these."""
        found = {}
        for partition, replay in replays.items():
            for log in self.logs(partition):
                findings, _ = replay.findings(self.name_of(log.topic))
                if findings.later is not None:
                    found[partition] = later_version(log, findings.later)
        return found

    def install(
        self, partition: int, restored: Mapping[TableName, RestoredTable], ends: Mapping[LogPartition, int]
    ) -> None:
        """Makes the rows of a partition live, which were read from its changelogs up to `ends`."""
        for name, log in zip(TABLE_NAMES, self.logs(partition), strict=True):
            self.table(name).install(partition, restored[name].rows)
            self.ledger.begin(log, ends[log])
            self._misplaced[log] = restored[name].findings.misplaced

    def forget(self, partition: int) -> None:
        """Forgets the rows of a partition, and everything about its changelogs."""
        for name, log in zip(TABLE_NAMES, self.logs(partition), strict=True):
            self.table(name).forget(partition)
            self.ledger.forget(log)
            self._misplaced.pop(log, None)

    def new_findings(self, log: LogPartition) -> Findings:
        """Returns empty findings, for the records that a zombie has written into a live log."""
        home = HomePartition(log.partition, self.partitions)
        return Findings(self.rules, self.name_of(log.topic), home, self._misplaced.get(log))

    async def write_dead_letters(self, log: LogPartition, findings: Findings) -> None:
        """Returns when the dead letters of all garbage that was found in a log are acknowledged. Nothing may
        be written over the garbage before."""
        for those in findings.garbage.values():
            for garbage in those:
                await self.producer.room()
                self.dead_letter(log, garbage)
        await self.producer.flush()

    def merge_zombie(
        self, log: LogPartition, zombie: Mapping[bytes, Sequence[Row]], findings: Findings
    ) -> int:
        """Returns the number of records that it has appended.

        It merges the rows that a zombie has written into the live rows, and appends the records that the log
        then needs, also over the garbage in `findings`. It does not await. So an agent's write to the same
        key is either before or after all of this, in memory as in the log.
        """
        name = self.name_of(log.topic)
        live = {each: self.table(each).live(log.partition) for each in TABLE_NAMES}
        for key, seen in zombie.items():
            ours = Pair(*(live[each].get(key) for each in TABLE_NAMES))
            repaired = merge_zombie_records(self.rules, name, key, ours, seen)
            for each in repaired.rewrite:
                before, after = getattr(repaired.before, each), getattr(repaired.pair, each)
                live[each].put(key, after, self.rules.of(each).changed(before, after))
        written = sum(self.table(each).append_changed(self.producer) for each in TABLE_NAMES)
        for key in findings.garbage:
            row = live[name].get(key)
            headers = [(CHANGED, self.rules.of(name).changed(row, row)), *findings.repair_headers(key)]
            if row is None:
                row = findings.misplaced.get(key)
            self.producer.append(*log, key, row, headers=headers)
        return written + len(findings.garbage)
