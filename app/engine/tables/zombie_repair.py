"""Finds what zombies wrote into this worker's changelog partitions, and repairs it.

A zombie is a worker that was stopped for longer than its session timeout. It wakes up and sends what it had
computed, so its rows land after those of the new owner. No check in the zombie can prevent that, so the owner
looks for them. It sees at once if offsets are missing between its own acknowledged ones, and a scan compares
the ends of idle logs. The owner reads the zombie's records and merges them into its rows. If the last record
of a key in the log is not the merge, the row is written again. The zombie may do the same with the owner's
records. Rows merge, so nothing is lost (docs/design.md#zombies).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import NoReturn

from aiokafka.errors import KafkaError

from app.engine.fatal import die
from app.engine.log_reader import LogReader, ReadSession
from app.engine.observer import EngineObserver
from app.engine.tables.findings import SkippedKind, later_version
from app.engine.tables.user_tables import UserTables
from app.engine.tables.write_ledger import LogPartition, ZombieRange

logger = logging.getLogger(__name__)


class ZombieRepair:
    """Runs beside the agents of one worker.

    `scan_seconds` is the time between two scans: a zombie's record in a log that nobody else writes to is
    found after this time at the latest.
    """

    def __init__(
        self,
        tables: UserTables,
        reader: LogReader,
        *,
        scan_seconds: float = 30.0,
        observer: EngineObserver | None = None,
        fatal: Callable[[str], NoReturn] = die,
    ) -> None:
        self._tables = tables
        self._reader = reader
        self._scan_seconds = scan_seconds
        self._observer = observer or EngineObserver()
        self._fatal = fatal
        self._found = asyncio.Event()
        self._repairing = asyncio.Lock()  # the scan and a restore must not read the same range twice
        tables.producer.on_acknowledged = self._acknowledged

    async def run(self) -> None:
        """Scans until it is cancelled. If a broker does not answer, the next scan tries again."""
        while True:
            try:
                async with asyncio.timeout(self._scan_seconds):
                    await self._found.wait()
            except TimeoutError:
                pass
            self._found.clear()
            try:
                await self.scan()
            except KafkaError as error:
                logger.warning("the changelogs could not be checked: %s", type(error).__name__)
            except Exception as error:  # noqa: BLE001 - after any error a row may be wrong in the log
                self._fatal(f"the repair of a changelog failed: {type(error).__name__}")

    async def scan(self) -> None:
        """Compares the ends of all live logs, and merges what zombies wrote. Raises KafkaError."""
        logs = self._tables.ledger.logs()
        if not logs:
            return
        async with self._repairing, self._reader.session() as session:
            for log, end in (await session.ends(logs)).items():
                # The records at the end may be of a batch in flight. Its acknowledgement will tell.
                if not self._tables.producer.is_in_flight(log.topic, log.partition):
                    self._tables.ledger.seen_end(log, end)
            for zombie_range in self._tables.ledger.zombie_ranges():
                await self._repair(session, zombie_range)

    async def _repair(self, session: ReadSession, zombie_range: ZombieRange) -> None:
        tables, ledger = self._tables, self._tables.ledger
        records = rewritten = 0
        skipped: Counter[SkippedKind] = Counter()
        async for log, batch, _ in session.read({zombie_range.log: (zombie_range.first, zombie_range.end)}):
            if not ledger.is_pending(zombie_range):  # the partition was revoked meanwhile
                return
            findings = tables.new_findings(log)
            zombie = {
                key: [record.value for record in those if findings.counts(key, record, None)]
                for key, those in findings.at_home(batch, ())
            }
            if findings.later is not None:
                self._fatal(later_version(log, findings.later))
            if findings.garbage:
                await tables.write_dead_letters(log, findings)
                if not ledger.is_pending(zombie_range):
                    return
            records += len(batch)
            rewritten += tables.merge_zombie(log, zombie, findings)
            skipped.update(findings.skipped())
        ledger.merged(zombie_range)
        self._observer.skipped(tables.name_of(zombie_range.log.topic), skipped)
        self._observer.zombie_records(zombie_range.log.topic, zombie_range.log.partition, records)
        self._observer.repaired(zombie_range.log.topic, zombie_range.log.partition, rewritten)
        logger.warning(
            "%s/%d: another worker wrote %d records at %d-%d; %d rows were written again",
            *(
                zombie_range.log.topic,
                zombie_range.log.partition,
                records,
                zombie_range.first,
                zombie_range.end - 1,
                rewritten,
            ),
        )

    def _acknowledged(self, topic: str, partition: int, base: int, count: int) -> None:
        if self._tables.ledger.acknowledged(LogPartition(topic, partition), base, count):
            self._found.set()
