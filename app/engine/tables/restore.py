"""Restores rows from the changelogs with a reader of its own, in whole fetch batches, and merges them.

Faust's recovery reads record by record and keeps the last record of a key (docs/design.md#restore). So
`RestoreService` restores the rows before Faust looks at the changelogs, and then tells Faust that every
changelog is read to its end. Faust finds nothing to recover, and goes on with the seek and the resumption.
"""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, NoReturn

from aiokafka.errors import KafkaError
from faust.tables.recovery import Recovery
from faust.types import TP
from faust.types.transports import ConsumerT

from app.engine.consumer.consumer import SliceConsumer
from app.engine.fatal import refuse
from app.engine.log_reader import LogReader
from app.engine.observer import EngineObserver
from app.engine.tables.changelog_replay import ChangelogReplay
from app.engine.tables.long_work import gc_paused, in_steps
from app.engine.tables.merge_rules import TABLE_NAMES
from app.engine.tables.restore_progress import RestoreProgress
from app.engine.tables.user_tables import UserTables
from app.engine.tables.warm_partitions import WarmPartitions
from app.engine.tables.write_ledger import LogPartition
from app.engine.tables.zombie_repair import ZombieRepair
from app.engine.topic_rights import refused_read

logger = logging.getLogger(__name__)

# How many bytes of rows are written again before other tasks run.
_REWRITE_BYTES = 1 << 20
# perf: from so many records on, gc.freeze() saves more than the full collection before it costs, which takes
# 0.25 s even on a small heap (docs/design.md#tuning); plain form: leave out both calls.
_FREEZE_FROM_RECORDS = 100_000
_RETRY_SECONDS = 1.0


class _Uncertain(Exception):
    """A row that was not judged at once is none, so rows were lost in the replay (`ChangelogReplay`)."""


class TableRestorer:
    """Makes the rows of the assigned partitions live. Warm partitions keep their rows; the others are
    read."""

    def __init__(
        self,
        tables: UserTables,
        reader: LogReader,
        zombie_repair: ZombieRepair,
        observer: EngineObserver | None = None,
        refuse: Callable[[str], NoReturn] = refuse,
    ) -> None:
        self._tables = tables
        self._refuse = refuse
        self._reader = reader
        self._zombie_repair = zombie_repair
        self._observer = observer or EngineObserver()
        self._warm = WarmPartitions()
        self._lazily = True
        self.progress = RestoreProgress()

    def assigned(self, generation: int, partitions: AbstractSet[int]) -> None:
        """Forgets the rows that may be stale, now that a new generation of the group has given these
        partitions to this worker."""
        for partition in self._warm.assigned(generation, partitions):
            self._tables.forget(partition)

    async def restore(self, partitions: AbstractSet[int]) -> dict[int, str]:
        """Returns when the rows of both tables are live in these partitions, and the last record of each key
        in the logs is its row. Returns the partitions of which neither is true, each with the reason: a later
        version wrote a row there.

        It waits for brokers that do not answer, and ends the process if one does not let it read. The next
        rebalance may cancel it at any time.
        """
        withheld: dict[int, str] = {}
        warm = partitions & self._warm.live()
        missing = partitions - warm
        while True:
            try:
                if warm:
                    await self._zombie_repair.scan()
                    await self._tables.producer.flush()
                if missing:
                    withheld = await self._read(missing)
                break
            except _Uncertain:
                logger.warning(
                    "a worker has written what is no row of this version: the changelogs are read again"
                )
                self._lazily = False
            except KafkaError as error:
                if (line := refused_read(error)) is not None:
                    self._refuse(line)
                logger.warning("the changelogs could not be read, trying again: %s", type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
            finally:
                self.progress.end()
        self._warm.restored(missing - withheld.keys())
        if warm:
            self._observer.kept_warm(len(warm))
        return withheld

    async def _read(self, partitions: AbstractSet[int]) -> dict[int, str]:
        started = time.monotonic()
        for partition in partitions:
            self._tables.forget(partition)
        # What this process has appended under an earlier assignment has to be in the logs before they are
        # read: its later rows must have everything that its earlier ones have (docs/design.md#same-producer).
        await self._tables.producer.flush()
        replays = {partition: self._tables.replay(partition, lazily=self._lazily) for partition in partitions}
        logs = [log for partition in partitions for log in self._tables.logs(partition)]
        records = 0
        with gc_paused():
            async with self._reader.session() as session:
                ends = await session.ends(logs)
                self.progress.begin(ends)
                async for log, batch, producer in session.read({log: (0, end) for log, end in ends.items()}):
                    replays[log.partition].read(self._tables.name_of(log.topic), batch, producer)
                    self.progress.read(log, batch[0].offset, batch[-1].offset + 1, len(batch))
                    records += len(batch)
            for replay in replays.values():
                await in_steps(replay.judge_in_steps())
            if not all(replay.is_certain for replay in replays.values()):
                raise _Uncertain
            if (objection := self._tables.objection(replays)) is not None:
                self._refuse(objection)
            self._count_skipped(replays)
            withheld = self._tables.later_versions(replays)
            for partition in withheld:
                del replays[partition]
            await self._append_dead_letters(replays)
            rewritten = 0
            for partition in sorted(replays):
                rewritten += await self._go_live(partition, replays.pop(partition), ends)
        if records >= _FREEZE_FROM_RECORDS:
            gc.collect()
            gc.freeze()
        seconds = time.monotonic() - started
        restored = len(partitions) - len(withheld)
        self._observer.restored(restored, records, rewritten, seconds)
        logger.info(
            "restored %d partitions: %d changelog records in %.2f s, %d rows written again",
            *(restored, records, seconds, rewritten),
        )
        return withheld

    def _count_skipped(self, replays: Mapping[int, ChangelogReplay]) -> None:
        for partition, replay in replays.items():
            for log in self._tables.logs(partition):
                name = self._tables.name_of(log.topic)
                skipped = replay.findings(name)[0].skipped()
                self._observer.skipped(name, skipped)
                if any(skipped.values()):
                    told = ", ".join(f"{count} {kind}" for kind, count in skipped.items() if count)
                    logger.warning("%s/%d: records that count as not written: %s", *log, told)

    async def _append_dead_letters(self, replays: Mapping[int, ChangelogReplay]) -> None:
        """Returns when the dead letters of all garbage are acknowledged. Only then is anything written over
        it."""
        for partition, replay in replays.items():
            for log in self._tables.logs(partition):
                findings, _ = replay.findings(self._tables.name_of(log.topic))
                await self._tables.write_dead_letters(log, findings)

    async def _go_live(self, partition: int, replay: ChangelogReplay, ends: dict[LogPartition, int]) -> int:
        """Makes the rows of a partition live and returns how many of them were written again.

        They are written before anything new is. So after a crash in between, the next restore finds the same
        again, and an agent's later row of the same key comes after them in the log.
        """
        await in_steps(replay.finish_in_steps())
        restored = replay.finish()
        self._tables.install(partition, restored, ends)
        producer, waiting, size = self._tables.producer, 0, 0
        for name, log in zip(TABLE_NAMES, self._tables.logs(partition), strict=True):
            for key in restored[name].rewrite:
                if size >= _REWRITE_BYTES:
                    await producer.room()
                    size = 0
                for row, headers in restored[name].records(key):
                    producer.append(log.topic, partition, key, row, headers=headers)
                    size += len(key) + len(row or b"")
                waiting += 1
        await producer.flush()
        return waiting


class RestoreService(Recovery):
    """Faust's recovery service, which reads nothing itself. SliceTableManager sets its attributes."""

    restorer: TableRestorer | None
    source: str
    """The topic that feeds the tables."""

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        # Faust ignores an assignment if a newer one has come meanwhile. This code does so, too. The
        # generation then counts as missed, and rows are read again.
        if self.restorer is not None and generation_id == self.app.consumer_generation_id:
            topics = self.tables.changelog_topics
            actives = self.app.assignor.assigned_actives()
            self.restorer.assigned(generation_id, {tp.partition for tp in actives if tp.topic in topics})
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    async def _seek_offsets(
        self, consumer: ConsumerT, tps: set[TP], offsets: Counter[TP], title: str
    ) -> None:
        if title != "active" or self.restorer is None:
            await super()._seek_offsets(consumer, tps, offsets, title)
            return
        assert isinstance(consumer, SliceConsumer), "SliceApp says so"
        await consumer.restore(self.source, {tp.partition for tp in tps}, self.restorer.restore)
        for tp in tps:
            offsets[tp] = self.active_highwaters[tp]

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ARG002, ASYNC109 - Faust's
        # After its timeout Faust takes the service for stopped, and the worker never becomes ready. An outage
        # or a large table may take longer. Readiness reports that the tables are not restored yet.
        await super()._wait(coro, timeout=None)
