"""Reads the rows of a partition from both changelogs, outside of a worker: as a restore would make them."""

from collections.abc import Mapping, Sequence
from contextlib import aclosing
from typing import Final, NamedTuple

from app.engine.log_reader import ReadSession
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.findings import (
    HomePartition,
    LogRecord,
    later_version,
    partition_count_changed,
    too_many_misplaced,
)
from app.engine.tables.long_work import gc_paused
from app.engine.tables.merge_rules import TABLE_NAMES, Pair, TableName, TableRules
from app.engine.tables.row_store import RowStore
from app.engine.tables.write_ledger import LogPartition

ROWS_STEP: Final = 2_000
"""So many rows may be handled before other tasks run."""


class UnusableChangelog(Exception):
    """Nothing may be made of the rows of a changelog. The text is one line."""


class ChangelogRows(NamedTuple):
    """The rows of a partition, and what is known of the records that they were made of."""

    users: RowStore
    loyalty: RowStore
    changed: Mapping[bytes, Pair]
    """By key that has records at or after the offsets `since`: the rows that the records before them make."""
    ended: frozenset[bytes]
    """The keys of which the last record in the users changelog is a tombstone, and that have no row."""
    skipped: int
    """How many records count as not written (docs/tables.md#no-row)."""

    def pair(self, key: bytes) -> Pair:
        """Returns both rows of a key."""
        return Pair(self.users.get(key), self.loyalty.get(key))


class ChangelogRowsReader:
    """Reads partition by partition. The memory that it needs is that of the rows of one partition."""

    def __init__(
        self,
        session: ReadSession,
        rules: TableRules,
        topics: Mapping[TableName, str],
        partitions: int,
        *,
        merge_all: bool = False,
    ) -> None:
        """`topics`: the changelogs that exist. `merge_all`: as in `ChangelogReplay`."""
        self._session = session
        self._rules = rules
        self._names: dict[str, TableName] = {topic: name for name, topic in topics.items()}
        self._partitions = partitions
        self._merge_all = merge_all

    def logs(self, partition: int) -> list[LogPartition]:
        """Returns the logs of a partition."""
        return [LogPartition(topic, partition) for topic in self._names]

    async def read(
        self,
        partition: int,
        ends: Mapping[LogPartition, int],
        *,
        first: Mapping[LogPartition, int] | None = None,
        since: Mapping[LogPartition, int] | None = None,
    ) -> ChangelogRows:
        """Returns the rows that the records of a partition make, from the offsets `first` (or the begin of
        the logs) up to the offsets `ends`. `since`: from where on changes are told.

        Raises UnusableChangelog if too many of the rows belong to other partitions, or a later version wrote
        one; and KafkaError.
        """
        replay = ChangelogReplay(
            self._rules, HomePartition(partition, self._partitions), merge_all=self._merge_all
        )
        logs = self.logs(partition)
        from_, since = first or {}, since or {}
        tombstones: set[bytes] = set()
        whole = {log: (from_.get(log, 0), ends[log]) for log in logs}
        changed: dict[bytes, Pair] = {}
        with gc_paused():
            if since:
                rest = {log: (since.get(log, 0), ends[log]) for log in logs}
                keys = await self._keys(rest)
                await self._feed(
                    replay, {log: (0, min(since.get(log, 0), ends[log])) for log in logs}, tombstones
                )
                changed = {key: Pair(replay.row("users", key), replay.row("loyalty", key)) for key in keys}
                whole = rest
            await self._feed(replay, whole, tombstones)
        self._check(partition, replay)
        restored = replay.finish()
        users, loyalty = (restored[name].rows for name in TABLE_NAMES)
        skipped = sum(sum(restored[name].findings.skipped().values()) for name in TABLE_NAMES)
        return ChangelogRows(users, loyalty, changed, frozenset(tombstones - users.keys()), skipped)

    async def _feed(
        self,
        replay: ChangelogReplay,
        ranges: Mapping[LogPartition, tuple[int, int]],
        tombstones: set[bytes],
    ) -> None:
        async with aclosing(self._session.read(ranges)) as batches:
            async for log, records, producer in batches:
                name = self._names[log.topic]
                replay.read(name, records, producer)
                if name == "users":
                    _note_tombstones(tombstones, records)

    async def _keys(self, ranges: Mapping[LogPartition, tuple[int, int]]) -> set[bytes]:
        keys: set[bytes] = set()
        async with aclosing(self._session.read(ranges)) as batches:
            async for _, records, _ in batches:
                keys.update(record.key for record in records if record.key is not None)
        return keys

    def _check(self, partition: int, replay: ChangelogReplay) -> None:
        for log in self.logs(partition):
            findings, rows = replay.findings(self._names[log.topic])
            misplaced = len(findings.misplaced)
            if too_many_misplaced(misplaced, misplaced + rows):
                raise UnusableChangelog(
                    partition_count_changed(f"{log.topic}/{partition}", misplaced, misplaced + rows)
                )
            if findings.later is not None:
                raise UnusableChangelog(later_version(log, findings.later))


def _note_tombstones(tombstones: set[bytes], records: Sequence[LogRecord]) -> None:
    for record in records:
        if record.key is not None:
            if record.value is None:
                tombstones.add(record.key)
            else:
                tombstones.discard(record.key)
