"""Writes the rows of new changelogs, some at a time."""

from collections import Counter
from collections.abc import Iterable
from typing import Final

from app.errors import CommandFailed
from app.tools.topic_writer import Outgoing, TopicWriter

_RECORDS: Final = 2_000
_BYTES: Final = 4 << 20


class RowWriter:
    """`written`: how many records each topic has got."""

    def __init__(self, writer: TopicWriter) -> None:
        self.written: Counter[str] = Counter()
        self._writer = writer

    async def write(self, records: Iterable[Outgoing]) -> None:
        """Returns when all of them are acknowledged. Raises CommandFailed if the broker refuses one."""
        waiting: list[Outgoing] = []
        size = 0
        for record in records:
            waiting.append(record)
            size += len(record.key or b"") + len(record.value or b"")
            if len(waiting) >= _RECORDS or size >= _BYTES:
                await self._send(waiting)
                waiting, size = [], 0
        await self._send(waiting)

    async def _send(self, records: list[Outgoing]) -> None:
        if not records:
            return
        for index, error in (await self._writer.write(records)).items():
            raise CommandFailed(f"topic {records[index].topic} refuses a record: {error}")
        self.written.update(each.topic for each in records)
