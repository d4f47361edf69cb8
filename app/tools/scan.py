"""Reads ranges of logs with a progress line."""

from collections.abc import AsyncGenerator
from contextlib import aclosing

from app.engine import LogBatch
from app.tools.connected import Logs, Ranges
from app.tools.progress_line import ProgressLine


async def scan(logs: Logs, ranges: Ranges) -> AsyncGenerator[LogBatch, None]:
    """Yields the records of the ranges as `ReadSession.read` does, and tells the progress on standard
    error."""
    line = ProgressLine("records", sum(end - first for first, end in ranges.values()))
    async with aclosing(logs.session.read(ranges)) as batches:
        try:
            async for batch in batches:
                yield batch
                line.add(len(batch.records))
        finally:
            line.end()
