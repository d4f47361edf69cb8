"""Finds what other workers wrote into our changelog partitions, and heals it.

A worker that was paused past its session timeout wakes up and sends what it had computed: its rows land
after ours. No check on its side can close that, so ours looks: a hole between our own acknowledged
offsets shows at once, and a slow patrol compares the ends of idle logs. What is found is read, merged into
our rows and, where the log's last record is not the merge, written again. The paused worker may do the
same with our records: rows merge, so nobody can lose anything (lane.md, section 4).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from typing import NoReturn

from aiokafka.errors import KafkaError

from app.lane.fatal import die
from app.lane.findings import Skipped, later_version
from app.lane.ledger import ForeignRange, LogPartition
from app.lane.reader import ChangelogReader, ReadSession
from app.lane.table_pair import TablePair
from app.lane.write_observer import WriteObserver

logger = logging.getLogger(__name__)


class ChangelogGuard:
    """Runs beside the agents of one worker. `patrol_seconds` bounds how long a foreign record in a log
    that nobody else writes to goes unseen."""

    def __init__(
        self,
        pair: TablePair,
        reader: ChangelogReader,
        *,
        patrol_seconds: float = 30.0,
        observer: WriteObserver | None = None,
        fatal: Callable[[str], NoReturn] = die,
    ) -> None:
        self._pair = pair
        self._reader = reader
        self._patrol_seconds = patrol_seconds
        self._observer = observer or WriteObserver()
        self._fatal = fatal
        self._found = asyncio.Event()
        self._healing = asyncio.Lock()  # the patrol and a recovery must not read the same range twice
        pair.producer.on_acknowledged = self._acknowledged

    async def run(self) -> None:
        """Until cancelled. A broker that does not answer is tried again at the next turn."""
        while True:
            try:
                async with asyncio.timeout(self._patrol_seconds):
                    await self._found.wait()
            except TimeoutError:
                pass
            self._found.clear()
            try:
                await self.patrol()
            except KafkaError as error:
                logger.warning("the changelogs could not be checked: %s", type(error).__name__)
            except Exception as error:  # noqa: BLE001 - whatever it is, rows may be unhealed
                self._fatal(f"healing a changelog failed: {type(error).__name__}")

    async def patrol(self) -> None:
        """Checks the ends of all live logs and merges whatever is foreign. Raises KafkaError."""
        logs = self._pair.ledger.logs()
        if not logs:
            return
        async with self._healing, self._reader.session() as session:
            for log, end in (await session.ends(logs)).items():
                # A batch in flight may be what is at the end; its acknowledgement will tell.
                if not self._pair.producer.is_in_flight(log.topic, log.partition):
                    self._pair.ledger.seen_end(log, end)
            for part in self._pair.ledger.foreign():
                await self._heal(session, part)

    async def _heal(self, session: ReadSession, part: ForeignRange) -> None:
        pair, ledger = self._pair, self._pair.ledger
        records = rewritten = 0
        skipped: Counter[Skipped] = Counter()
        async for log, batch in session.read({part.log: (part.first, part.end)}):
            if not ledger.is_pending(part):  # revoked while we read
                return
            findings = pair.foreign(log)
            foreign = {
                key: [record.value for record in those if findings.counts(key, record, None)]
                for key, those in findings.at_home(batch, ())
            }
            if findings.later is not None:
                self._fatal(later_version(log, findings.later))
            if findings.garbage:
                pair.bury(log, findings)
                await pair.producer.sync()
                if not ledger.is_pending(part):
                    return
            records += len(batch)
            rewritten += pair.merge_foreign(log, foreign, findings)
            skipped.update(findings.skipped())
        ledger.merged(part)
        self._observer.skipped(pair.name_of(part.log.topic), skipped)
        self._observer.foreign(part.log.topic, part.log.partition, records)
        self._observer.healed(part.log.topic, part.log.partition, rewritten)
        logger.warning(
            "%s/%d: %d records at %d-%d were not ours; wrote %d rows again",
            *(part.log.topic, part.log.partition, records, part.first, part.end - 1, rewritten),
        )

    def _acknowledged(self, topic: str, partition: int, base: int, count: int) -> None:
        if self._pair.ledger.acknowledged(LogPartition(topic, partition), base, count):
            self._found.set()
