"""Copies records of the canonical topic to one with another number of partitions."""

from collections.abc import Iterable
from contextlib import aclosing
from typing import Final

from app.engine import Headers, LogPartition, Record, UnreadRecord, partition_of
from app.tools.connected import Logs, Ranges
from app.tools.positions import Positions
from app.tools.progress_line import ProgressLine, RateLimit
from app.tools.rebuilds.row_writer import RowWriter
from app.tools.topic_writer import Outgoing

_RECORDS: Final = 2_000


def placed(record: Record, partition: int, partitions: int, count: int) -> int | None:
    """Returns the partition of a copy, of `count` partitions; None if there is no right one.

    `partition`, `partitions`: of the record. A record whose key belongs to another partition is none that a
    worker applies, so its copy must not be in the partition of its key either.
    """
    if record.key is None:
        return partition % count
    home = partition_of(record.key, count)
    if partition_of(record.key, partitions) == partition:
        return home
    if count == 1:
        return None
    return partition % count if partition % count != home else (home + 1) % count


class CanonicalCopy:
    """Copies ranges of the canonical topic. The records of a key keep their order: all of them are in one
    partition, which is read in its order."""

    def __init__(self, source: tuple[str, int], target: tuple[str, int], limit: RateLimit) -> None:
        """`source`, `target`: the topics, and their numbers of partitions."""
        self.copied = 0
        self.left_out = 0
        """Records that are too large to be read, and those that belong nowhere, because their key was in a
        wrong partition. A worker writes dead letters of such."""
        self._source, self._partitions = source
        self._target, self._count = target
        self._limit = limit

    async def copy(
        self, logs: Logs, ranges: Ranges, writer: RowWriter, positions: Positions, line: ProgressLine
    ) -> None:
        """Returns when the records of the ranges are acknowledged, and the positions are kept. If it is
        killed, a later run copies at most some thousand records a second time.

        Raises CommandFailed and KafkaError.
        """
        most = min(_RECORDS, self._limit.batch)
        waiting: list[Outgoing] = []
        read: dict[LogPartition, int] = {}
        async with aclosing(logs.session.read(ranges)) as batches:
            async for log, records, _ in batches:
                for begin in range(0, len(records), most):
                    some = records[begin : begin + most]
                    waiting += self._copies(log.partition, some)
                    read[log] = some[-1].offset + 1
                    line.add(len(some))
                    if len(waiting) >= most:
                        await self._write(waiting, read, writer, positions)
                        waiting, read = [], {}
        await self._write(waiting, read, writer, positions)
        await positions.write({log: end for log, (_first, end) in ranges.items()})

    async def _write(
        self,
        records: list[Outgoing],
        read: dict[LogPartition, int],
        writer: RowWriter,
        positions: Positions,
    ) -> None:
        if records:
            await self._limit.wait(len(records))
            await writer.write(records)
            self.copied += len(records)
        if read:
            await positions.write(read)

    def _copies(self, partition: int, records: Iterable[Record]) -> list[Outgoing]:
        copies = []
        for record in records:
            where = placed(record, partition, self._partitions, self._count)
            if where is None or isinstance(record, UnreadRecord):
                self.left_out += 1
            else:
                stamp = record.timestamp if record.timestamp >= 0 else None
                copies.append(
                    Outgoing(self._target, where, record.key, record.value, _copied(record.headers), stamp)
                )
        return copies


def _copied(headers: Headers) -> Headers:
    """Returns the headers, but for those of which the name is not UTF-8: a worker does not look at them, and
    the client cannot write them."""
    return [(name, value) for name, value in headers if _is_text(name)]


def _is_text(name: str) -> bool:
    try:
        name.encode()
    except UnicodeEncodeError:
        return False
    return True
