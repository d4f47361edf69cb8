"""`rollcall reconcile`: a vendor's export of users against the users table (docs/tools/reconcile.md)."""

import argparse
import asyncio
import json
import sys
import time
from contextlib import aclosing
from typing import TYPE_CHECKING, Final

from app.cli.arguments import add_json, add_question, natural
from app.cli.export_arguments import add_export_arguments
from app.cli.import_users import require_all
from app.errors import CommandFailed
from app.settings import Settings

if TYPE_CHECKING:
    from app.tools.connected import Logs
    from app.tools.exports.import_tally import ImportTally
    from app.tools.exports.reconcile_plan import Plan
    from app.tools.exports.reconciliation import Found, Reconciliation
    from app.tools.exports.user_snapshots import SnapshotConverter

_TOGETHER: Final = 1000
_MOST_DELETIONS: Final = 100


def add_arguments(parser: argparse.ArgumentParser) -> None:
    add_export_arguments(parser)
    parser.add_argument("--show-keys", action="store_true", help="the keys of the users, not only counts")
    parser.add_argument("--emit", action="store_true", help="write the snapshots that put the table right")
    parser.add_argument(
        "--emit-deletions",
        action="store_true",
        help="write the deletions, too; needs --as-of, and an export of which no line is refused",
    )
    parser.add_argument(
        "--most-deletions",
        type=natural,
        default=_MOST_DELETIONS,
        metavar="N",
        help=f"refuse to write more deletions; default: {_MOST_DELETIONS}",
    )
    add_question(parser)
    add_json(parser)
    parser.set_defaults(wrong_usage=parser.error)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Compares, prints, and writes what is asked for. Returns 0, the exit code, whatever differs. Raises
    CommandFailed if a line was refused, unless `--skip-bad`; then nothing is written."""
    if options.emit_deletions and (not options.emit or options.as_of is None):
        options.wrong_usage("argument --emit-deletions: needs --emit, and --as-of for the deletions' time")
    asyncio.run(_reconcile(options, settings))
    return 0


async def _reconcile(options: argparse.Namespace, settings: Settings) -> None:
    from app.tools.connected import reading
    from app.tools.exports.reconcile_plan import Plan, check_deletions, planned
    from app.tools.exports.reconciliation import Reconciliation
    from app.tools.exports.user_snapshots import SnapshotConverter

    rows, events = settings.changelogs[0], settings.topic_events
    now = time.time_ns() // 1_000_000
    limit = settings.max_record_bytes
    converter = SnapshotConverter(options.vendor, options.tenant, options.as_of, now, limit)
    reconciliation = Reconciliation(options.vendor, options.tenant)
    # A worker reads its rows without regard to transactions.
    async with reading(settings, [rows], [events] if options.emit else [], committed=False) as logs:
        tally = await _read_export(options.file, limit, converter, reconciliation)
        await _read_rows(logs, rows, reconciliation)
        found = reconciliation.found(None if options.as_of is None else options.as_of * 1000)
        plan = Plan([], [])
        if options.emit:
            plan = planned(reconciliation, found, converter, deletions=options.emit_deletions)
        _tell(options, reconciliation, tally, found, plan)
        require_all(tally, skip_bad=options.skip_bad)
        check_deletions(plan, reconciliation, tally, options.most_deletions)
        if plan.snapshots or plan.deletions:
            await _write(options, settings, plan, logs.partitions[events])


async def _read_export(
    file: str, limit: int, converter: "SnapshotConverter", reconciliation: "Reconciliation"
) -> "ImportTally":
    from app.outcome import Emit
    from app.tools.exports.import_tally import ImportTally
    from app.tools.exports.line_reader import lines_of, opened
    from app.tools.progress_line import ProgressLine

    tally, progress = ImportTally(), ProgressLine("lines", 0)
    with opened(file) as source:
        async for number, line in lines_of(source, limit):
            outcome = converter.convert(line, number)
            tally.add(number, outcome)
            if isinstance(outcome, Emit):
                for event in outcome.events:
                    reconciliation.add_event(event)
            progress.add(1)
    progress.end()
    return tally


async def _read_rows(logs: "Logs", topic: str, reconciliation: "Reconciliation") -> None:
    from app.engine import partition_of
    from app.tools.scan import scan

    partitions = logs.partitions[topic]
    async with aclosing(scan(logs, await logs.ranges([topic]))) as batches:
        async for batch in batches:
            for record in batch.records:
                if record.key is not None and partition_of(record.key, partitions) == batch.log.partition:
                    reconciliation.add_row(record.key, record.value)


def _tell(
    options: argparse.Namespace,
    reconciliation: "Reconciliation",
    tally: "ImportTally",
    found: "Found",
    plan: "Plan",
) -> None:
    from app.tools.exports.reconcile_report import json_of, text_of

    keys = options.show_keys
    if options.json:
        to_write = {"snapshots": len(plan.snapshots), "deletions": len(plan.deletions)}
        print(json.dumps({**json_of(reconciliation, tally, found, show_keys=keys), "to_write": to_write}))
    else:
        for line in text_of(reconciliation, tally, found, show_keys=keys):
            print(line)


async def _write(options: argparse.Namespace, settings: Settings, plan: "Plan", partitions: int) -> None:
    from app.tools.exports.snapshot_writer import SnapshotWriter
    from app.tools.progress_line import ProgressLine, RateLimit
    from app.tools.question import confirm
    from app.tools.topic_writer import writing

    topic = settings.topic_events
    what = f"{len(plan.snapshots)} snapshots and {len(plan.deletions)} deletions"
    sys.stdout.flush()
    confirm(f"Write {what} to {topic}?", yes=options.yes)
    events, refused = [*plan.snapshots, *plan.deletions], 0
    progress = ProgressLine("events", len(events))
    async with writing(settings) as writer:
        snapshots = SnapshotWriter(writer, topic, partitions, RateLimit(0))
        for first in range(0, len(events), _TOGETHER):
            together = events[first : first + _TOGETHER]
            refused += len(await snapshots.write(together))
            progress.add(len(together))
    progress.end()
    if refused:
        raise CommandFailed(f"{refused} of {len(events)} events are too large for topic {topic}")
    if not options.json:
        print(f"{what} written to {topic}")
