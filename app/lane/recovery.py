"""Rows come back from the changelogs by a reader of our own, in whole fetch batches, merged.

Faust's recovery reads record by record through its own consumer (13,500 rows a second; this one reads
500,000) and lets the last record of a key win. So `LaneRecovery` loads the rows before Faust looks and then
tells it that every changelog is read to its end: Faust finds nothing to recover and goes on to seek and to
resume.
"""

import asyncio
import gc
import logging
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from typing import Any, NoReturn

from aiokafka.errors import KafkaError
from faust.tables.recovery import Recovery
from faust.types import TP
from faust.types.transports import ConsumerT

from app.lane.fatal import refuse
from app.lane.fold import PartitionFold
from app.lane.guard import ChangelogGuard
from app.lane.ledger import LogPartition
from app.lane.reader import ChangelogReader
from app.lane.retention import Retention
from app.lane.rowlogic import TABLE_NAMES
from app.lane.table_pair import TablePair
from app.lane.write_observer import WriteObserver

logger = logging.getLogger(__name__)

# Rows written again between two waits for their acknowledgement.
_REWRITE_CHUNK = 4_000
# A full collection costs 0.25 s even on a small heap; from here on it is worth it.
_FREEZE_FROM_RECORDS = 100_000
_RETRY_SECONDS = 1.0


class TableLoader:
    """Brings the partitions of a generation to life: what was ours stays, the rest is read."""

    def __init__(
        self,
        pair: TablePair,
        reader: ChangelogReader,
        guard: ChangelogGuard,
        observer: WriteObserver | None = None,
        refuse: Callable[[str], NoReturn] = refuse,
    ) -> None:
        self._pair = pair
        self._refuse = refuse
        self._reader = reader
        self._guard = guard
        self._observer = observer or WriteObserver()
        self._retention = Retention()

    def assigned(self, generation: int, partitions: AbstractSet[int]) -> None:
        """The group's new generation gave us these partitions; rows that may be stale are forgotten."""
        for partition in self._retention.assigned(generation, partitions):
            self._pair.forget(partition)

    async def load(self, partitions: AbstractSet[int]) -> None:
        """Returns when both tables' rows of all these partitions are live and the logs hold no worse row
        last. Waits for brokers that do not answer. May be cancelled at any time by the next rebalance."""
        retained = partitions & self._retention.live()
        missing = partitions - retained
        while True:
            try:
                if retained:
                    await self._guard.patrol()
                    await self._pair.producer.sync()
                if missing:
                    await self._read(missing)
                break
            except KafkaError as error:
                logger.warning("the changelogs could not be read, trying again: %s", type(error).__name__)
                await asyncio.sleep(_RETRY_SECONDS)
        self._retention.recovered(missing)
        if retained:
            self._observer.retained(len(retained))

    async def _read(self, partitions: AbstractSet[int]) -> None:
        started = time.monotonic()
        for partition in partitions:
            self._pair.forget(partition)
        folds = {partition: self._pair.fold(partition) for partition in partitions}
        logs = [log for partition in partitions for log in self._pair.logs(partition)]
        records = 0
        with collector_paused():
            async with self._reader.session() as session:
                ends = await session.ends(logs)
                async for log, batch in session.read({log: (0, end) for log, end in ends.items()}):
                    folds[log.partition].read(self._pair.name_of(log.topic), batch)
                    records += len(batch)
            if (objection := self._pair.objection(folds)) is not None:
                self._refuse(objection)
            await self._bury(folds)
            rewritten = 0
            for partition in sorted(partitions):
                rewritten += await self._go_live(partition, folds.pop(partition), ends)
        if records >= _FREEZE_FROM_RECORDS:
            gc.collect()
            gc.freeze()
        seconds = time.monotonic() - started
        self._observer.recovered(len(partitions), records, rewritten, seconds)
        logger.info(
            "recovered %d partitions: %d changelog records in %.2f s, %d rows written again",
            *(len(partitions), records, seconds, rewritten),
        )

    async def _bury(self, folds: Mapping[int, PartitionFold]) -> None:
        """Dead letters first: what they hold is about to be written over."""
        for partition, fold in folds.items():
            for log in self._pair.logs(partition):
                name = self._pair.name_of(log.topic)
                findings, _ = fold.findings(name)
                skipped = findings.skipped()
                self._observer.skipped(name, skipped)
                if any(skipped.values()):
                    told = ", ".join(f"{count} {kind}" for kind, count in skipped.items() if count)
                    logger.warning("%s/%d: records that count as not written: %s", *log, told)
                self._pair.bury(log, findings)
        await self._pair.producer.sync()

    async def _go_live(self, partition: int, fold: PartitionFold, ends: dict[LogPartition, int]) -> int:
        """Rows whose log ends in a worse version are written before anything new is: a crash in between
        finds the same again, and an agent's later row of the same key stands behind them."""
        folded = fold.finish()
        self._pair.install(partition, folded, ends)
        producer, waiting = self._pair.producer, 0
        for name, log in zip(TABLE_NAMES, self._pair.logs(partition), strict=True):
            for key in folded[name].rewrite:
                for row, headers in folded[name].records(key):
                    producer.append(log.topic, partition, key, row, headers=headers)
                waiting += 1
                if waiting % _REWRITE_CHUNK == 0:
                    await producer.sync()
        await producer.sync()
        return waiting


@contextmanager
def collector_paused() -> Iterator[None]:
    """No garbage collection inside: it would scan the growing heap again and again (30 % of all samples)."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


class LaneRecovery(Recovery):
    """Faust's recovery service with its reading replaced; wired by LaneTableManager."""

    loader: TableLoader

    async def on_rebalance(
        self, assigned: set[TP], revoked: set[TP], newly_assigned: set[TP], generation_id: int = 0
    ) -> None:
        # Faust ignores an assignment that a newer one has overtaken. So do we: the generation then
        # counts as missed, and rows are read again.
        if generation_id == self.app.consumer_generation_id:
            topics = self.tables.changelog_topics
            actives = self.app.assignor.assigned_actives()
            self.loader.assigned(generation_id, {tp.partition for tp in actives if tp.topic in topics})
        await super().on_rebalance(assigned, revoked, newly_assigned, generation_id)

    async def _seek_offsets(
        self, consumer: ConsumerT, tps: set[TP], offsets: Counter[TP], title: str
    ) -> None:
        if title != "active":
            await super()._seek_offsets(consumer, tps, offsets, title)
            return
        await self.loader.load({tp.partition for tp in tps})
        for tp in tps:
            offsets[tp] = self.active_highwaters[tp]

    async def _wait(self, coro: Any, timeout: Any = None) -> None:  # noqa: ARG002, ASYNC109 - Faust's
        # On its timeout Faust takes the service for stopped, and the worker never becomes ready. An
        # outage, or a large table, may take longer; the age of what waits is what readiness reports.
        await super()._wait(coro, timeout=None)
