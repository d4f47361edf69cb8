"""The two tables, their logs and the books about them, for those who recover and those who heal."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from app.lane.fold import FoldedTable, Keyed
from app.lane.healing import heal
from app.lane.ledger import LogPartition, WriteLedger
from app.lane.producer import GroupProducer
from app.lane.rowlogic import TABLE_NAMES, Pair, PairLogic, Row, TableName
from app.lane.tables import LaneTable


@dataclass(slots=True, kw_only=True)
class TablePair:
    """Every method but `rewrite` returns without awaiting: an agent's slice never sees a half of it."""

    users: LaneTable
    loyalty: LaneTable
    logic: PairLogic
    producer: GroupProducer
    ledger: WriteLedger = field(default_factory=WriteLedger)

    def table(self, name: TableName) -> LaneTable:
        return self.users if name == "users" else self.loyalty

    def name_of(self, topic: str) -> TableName:
        """Which table a changelog topic belongs to; raises KeyError for any other topic."""
        return {self.table(name).changelog_topic_name: name for name in TABLE_NAMES}[topic]

    def logs(self, partition: int) -> list[LogPartition]:
        return [LogPartition(self.table(name).changelog_topic_name, partition) for name in TABLE_NAMES]

    def install(
        self, partition: int, folded: Mapping[TableName, FoldedTable], ends: Mapping[LogPartition, int]
    ) -> None:
        """The rows of a partition, read up to `ends`, become live."""
        for name, log in zip(TABLE_NAMES, self.logs(partition), strict=True):
            self.table(name).install(partition, folded[name].rows)
            self.ledger.begin(log, ends[log])

    def forget(self, partition: int) -> None:
        for name, log in zip(TABLE_NAMES, self.logs(partition), strict=True):
            self.table(name).forget(partition)
            self.ledger.forget(log)

    def merge_foreign(self, log: LogPartition, records: Sequence[Keyed]) -> int:
        """Merges records that somebody else wrote into our live rows and appends what the log then needs.

        Read, merge and append happen at once, so an agent's write to the same key is either before or
        after all of it, in memory as in the log. Returns the number of records appended.
        """
        foreign: dict[bytes, list[Row]] = {}
        for record in records:
            if record.key is not None:
                foreign.setdefault(record.key, []).append(record.value)
        name = self.name_of(log.topic)
        live = {each: self.table(each).live(log.partition) for each in TABLE_NAMES}
        for key, seen in foreign.items():
            ours = Pair(*(live[each].get(key) for each in TABLE_NAMES))
            healed = heal(self.logic, name, key, ours, seen)
            for each in healed.rewrite:
                live[each].put(key, getattr(healed.pair, each))
        return sum(self.table(each).flush(self.producer) for each in TABLE_NAMES)
