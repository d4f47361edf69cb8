"""`rollcall replay`: a range of a vendor's topic through today's mapping into the canonical topic, or a new
one, apart from the workers' group."""

import argparse
import asyncio
import sys
from pathlib import Path

from app.cli.arguments import add_json, add_span, rate
from app.cli.results import tell
from app.settings import Settings
from app.vendors import VENDORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vendor", required=True, choices=VENDORS, metavar="V", help=", ".join(VENDORS))
    add_span(parser)
    parser.add_argument("--into", metavar="TOPIC", help="write to this topic, which is created if missing")
    parser.add_argument(
        "--append", action="store_true", help="with --into: also if the topic has records already"
    )
    parser.add_argument(
        "--allow-old", action="store_true", help="write events that are older than GRACE_PERIOD, too"
    )
    parser.add_argument("--rate", type=rate, default=0.0, metavar="N", help="at most N events a second")
    parser.add_argument("--dry-run", action="store_true", help="write nothing: only count the outcomes")
    parser.add_argument(
        "--progress", type=Path, metavar="FILE", help="keep the progress here, and go on from it"
    )
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Prints the result on standard output. Returns the exit code: 0, or 1 after Ctrl-C.

    Raises RollcallError if the replay is refused, or could not be ended.
    """
    from app.tools.connected import Span
    from app.tools.mappings.vendor_replay import ReplayPlan, VendorReplay

    span = Span(options.since, options.until, options.partition, options.first, options.end)
    plan = ReplayPlan(
        vendor=options.vendor,
        span=span,
        into=options.into,
        append=options.append,
        allow_old=options.allow_old,
        per_second=options.rate,
        dry_run=options.dry_run,
        progress=options.progress,
    )
    replay = VendorReplay(settings, plan)
    try:
        result = asyncio.run(replay.run())
    except KeyboardInterrupt:
        sys.stderr.write(f"rollcall: stopped: {replay.where_it_stopped()}\n")
        return 1
    tell(result, as_json=options.json)
    return 0
