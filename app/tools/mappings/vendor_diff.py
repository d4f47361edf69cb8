"""Gives the same records to two versions of the mapping: a range of a vendor's topic, or a file's lines."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import aclosing
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from app.engine import UnreadRecord
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.connected import Span, reading
from app.tools.mappings.mapping_diff import MappingDiff
from app.tools.mappings.mapping_process import MappingTask, WireRecord, outcome_text
from app.tools.mappings.other_version import OtherMapping, other_mapping
from app.tools.progress_line import ProgressLine
from app.vendors import VENDORS, convert

# So many records, or bytes of them, are compared together.
_RECORDS: Final = 1_000
_BYTES: Final = 4 << 20

STANDARD_INPUT: Final = Path("-")


class BodiesFile(Struct, frozen=True):
    """A file of bodies, one a line, and what each of its records has beside them."""

    path: Path
    headers: list[tuple[str, bytes | None]]
    timestamp: int
    """In milliseconds since 1970."""


async def compare_file(
    settings: Settings, vendor: str, bodies: BodiesFile, folder: Path, python: str
) -> MappingDiff:
    """Returns the differences for all lines of a file. Raises CommandFailed if it cannot be read."""
    try:
        source = sys.stdin.buffer if bodies.path == STANDARD_INPUT else bodies.path.open("rb")
    except OSError as error:
        raise CommandFailed(f"{bodies.path} cannot be read: {error.strerror}") from None
    with source:
        return await _compare(settings, vendor, _lines(source, bodies), folder, python, 0)


async def compare_topic(
    settings: Settings, vendor: str, span: Span, folder: Path, python: str
) -> MappingDiff:
    """Returns the differences for a range of the vendor's topic. Raises as `reading` does."""
    topic = settings.topic_of(vendor)
    committed = settings.isolation_level == "read_committed"
    async with reading(settings, [topic], committed=committed) as logs:
        ranges = await logs.ranges([topic], span)
        total = sum(end - first for first, end in ranges.values())

        async def records() -> AsyncIterator[WireRecord]:
            async with aclosing(logs.session.read(ranges)) as batches:
                async for log, read, _producer in batches:
                    partition = f"{log.topic}/{log.partition}"
                    for each in read:
                        # No version maps a record that is not read.
                        if not isinstance(each, UnreadRecord):
                            headers = list(each.headers)
                            yield WireRecord(partition, each.offset, each.timestamp, headers, each.value)

        return await _compare(settings, vendor, records(), folder, python, total)


async def _lines(source: BinaryIO, bodies: BodiesFile) -> AsyncIterator[WireRecord]:
    for number, line in enumerate(source):
        yield WireRecord("-/0", number, bodies.timestamp, bodies.headers, line.removesuffix(b"\n"))


async def _compare(
    settings: Settings,
    vendor: str,
    records: AsyncIterator[WireRecord],
    folder: Path,
    python: str,
    total: int,
) -> MappingDiff:
    options = settings.options_of(vendor)
    task = MappingTask(vendor, options.tenant, options.max_record_bytes)
    found, line = MappingDiff(), ProgressLine("records", total)
    taken, size = list[WireRecord](), 0

    async def compare(other: OtherMapping) -> None:
        theirs = asyncio.create_task(other.map(taken))
        await asyncio.sleep(0)
        ours = [outcome_text(convert(VENDORS[vendor], each, each.partition, options)) for each in taken]
        for each, old, new in zip(taken, await theirs, ours, strict=True):
            found.add(f"{each.partition}/{each.offset}", old, new)
        line.add(len(taken))

    async with other_mapping(folder, task, python) as other:
        try:
            async for record in records:
                taken.append(record)
                size += len(record.value or b"")
                if len(taken) >= _RECORDS or size >= _BYTES:
                    await compare(other)
                    taken, size = [], 0
            if taken:
                await compare(other)
        finally:
            line.end()
    return found
