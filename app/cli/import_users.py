"""`rollcall import`: a vendor's export of users becomes full snapshots on the canonical topic
(docs/tools/import.md)."""

import argparse
import asyncio
import json
import time
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Final

from app.cli.arguments import add_json, rate
from app.cli.export_arguments import add_export_arguments
from app.errors import CommandFailed
from app.settings import Settings

if TYPE_CHECKING:
    from app.tools.exports.import_tally import ImportTally
    from app.tools.exports.snapshot_writer import SnapshotWriter

_TOGETHER: Final = 1000


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_export_arguments(parser)
    parser.add_argument("--rate", type=rate, metavar="N", help="at most N lines a second; default: no limit")
    parser.add_argument("--dry-run", action="store_true", help="write nothing; no Kafka is needed")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Writes the users of the file. Returns 0, the exit code. Raises CommandFailed if a line was refused,
    unless `--skip-bad`; all other lines are written then, too."""
    tally = asyncio.run(_dry_run(options, settings) if options.dry_run else _write(options, settings))
    if options.json:
        print(json.dumps({"dry_run": options.dry_run, **tally.as_json()}))
    else:
        done = "would be written" if options.dry_run else "written"
        print(
            f"{tally.snapshots} snapshots and {tally.deletions} deletions of {tally.lines} lines"
            f" {done} to {settings.topic_events}"
        )
        for line in tally.told():
            print(line)
    require_all(tally, skip_bad=options.skip_bad)
    return 0


def require_all(tally: "ImportTally", *, skip_bad: bool) -> None:
    """Raises CommandFailed if a line was refused."""
    if tally.refusals and not skip_bad:
        raise CommandFailed(
            f"{tally.refusals} of {tally.lines} lines were refused; with --skip-bad that is no failure"
        )


async def _dry_run(options: argparse.Namespace, settings: Settings) -> "ImportTally":
    return await _read(options, settings, None, _TOGETHER)


async def _write(options: argparse.Namespace, settings: Settings) -> "ImportTally":
    from app.tools.connected import broker_errors, checked_partitions
    from app.tools.exports.snapshot_writer import SnapshotWriter
    from app.tools.progress_line import RateLimit
    from app.tools.topic_writer import writing

    topic, pace = settings.topic_events, RateLimit(options.rate or 0)
    with broker_errors(settings):
        partitions = (await checked_partitions(settings, [], [topic]))[topic]
        async with writing(settings) as writer:
            snapshots = SnapshotWriter(writer, topic, partitions, pace)
            return await _read(options, settings, snapshots, min(_TOGETHER, pace.batch))


async def _read(
    options: argparse.Namespace, settings: Settings, writer: "SnapshotWriter | None", together: int
) -> "ImportTally":
    """Handles the lines, so many of them together. Returns what became of them. Without a writer nothing is
    written."""
    from app.tools.exports.import_tally import ImportTally
    from app.tools.exports.line_reader import opened
    from app.tools.exports.user_snapshots import SnapshotConverter
    from app.tools.progress_line import ProgressLine

    now, limit = time.time_ns() // 1_000_000, settings.max_record_bytes
    converter = SnapshotConverter(options.vendor, options.tenant, options.as_of, now, limit)
    tally, progress = ImportTally(), ProgressLine("lines", 0)
    with opened(options.file) as source:
        async for numbers, lines in _batches(source, limit, together):
            outcomes = list(map(converter.convert, lines, numbers))
            if writer is not None:
                outcomes = await writer.write_outcomes(outcomes)
            for number, outcome in zip(numbers, outcomes, strict=True):
                tally.add(number, outcome)
            progress.add(len(lines))
    progress.end()
    return tally


async def _batches(source: int, limit: int, together: int) -> AsyncIterator[tuple[list[int], list[bytes]]]:
    from app.tools.exports.line_reader import lines_of

    numbers, lines = list[int](), list[bytes]()
    async for number, line in lines_of(source, limit):
        numbers.append(number)
        lines.append(line)
        if len(lines) >= together:
            yield numbers, lines
            numbers, lines = [], []
    if lines:
        yield numbers, lines
