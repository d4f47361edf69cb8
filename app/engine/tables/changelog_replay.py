"""Makes rows again of both changelogs of a partition: reads each (`log_replay.py`), and then compares them.

A worker writes a tombstone over a loyalty row when the user is deleted, and over the marker of a deletion
when the grace period is over. A zombie may also write one from an old memory. So the row before a tombstone
is kept aside until both logs are read:
- A loyalty row comes back if its users row knows a deletion. Then `reconcile` removes what the deletion
  covers. If there is no such users row, the marker has been ended as well, and the tombstone is right.
- A users row comes back unless it is nothing but a marker, which is the only row that a tombstone may end.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from app.engine.record_batches.fetched_records import NO_PRODUCER
from app.engine.tables.findings import Findings, HomePartition, LogRecord
from app.engine.tables.log_replay import LogReplay, RestoredTable
from app.engine.tables.merge_rules import TABLE_NAMES, Row, TableName, TableRules

_ONLY: Final = HomePartition(0, 1)


class ChangelogReplay:
    """Reads the users and the loyalty changelog of one partition, in any interleaving."""

    def __init__(
        self,
        rules: TableRules,
        home: HomePartition = _ONLY,
        *,
        merge_all: bool = False,
        lazily: bool = False,
    ) -> None:
        """`merge_all`: whether a producer id proves nothing. That is so if the log was copied: then one id
        may stand for all of its writers. `lazily`: whether a version that the next one of the same worker
        replaces is not judged. The caller then calls `judge_in_steps`, and reads everything again in the
        other way unless `is_certain`."""
        self._rules = rules
        self._merge_all = merge_all
        self._compared = False
        self._logs = {name: LogReplay(rules, name, home, lazily=lazily) for name in TABLE_NAMES}

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

    def judge_in_steps(self) -> Iterator[None]:
        """Judges what was not judged yet, in steps, so that a caller can let other tasks run between two of
        them. It is called when both logs are read to their ends, and before anything is made of them."""
        for log in self._logs.values():
            yield from log.judge_in_steps()

    @property
    def is_certain(self) -> bool:
        """Whether each row that was not judged at once is one. If not, rows were lost in this replay."""
        return all(log.is_certain for log in self._logs.values())

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
