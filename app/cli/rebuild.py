"""`rollcall rebuild`: both changelogs again from a canonical topic, into new topics."""

import argparse
import asyncio

from app.cli.arguments import add_json
from app.cli.results import check_code, tell
from app.settings import Settings
from app.vendors import VENDORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--from", dest="source", default="", metavar="TOPIC", help="default: TOPIC_EVENTS")
    parser.add_argument(
        "--into", required=True, metavar="NAME", help="the new topics are NAME-users and NAME-loyalty"
    )
    parser.add_argument(
        "--without-old",
        nargs="*",
        choices=VENDORS,
        metavar="VENDOR",
        help="do not merge the old rows of these vendors; without a name: of all",
    )
    parser.add_argument(
        "--partial", action="store_true", help="also if users are older than the canonical topic"
    )
    way = parser.add_mutually_exclusive_group()
    way.add_argument(
        "--continue",
        dest="go_on",
        action="store_true",
        help="go on with topics that an earlier run has begun: read only what came since",
    )
    way.add_argument("--check", action="store_true", help="write nothing: compare the rows")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Prints the result on standard output. Returns the exit code: 0, or 1 if `--check` finds a difference.

    Raises RollcallError if the rebuild is refused, or could not be ended.
    """
    from app.tools.rebuilds.rebuild_plan import RebuildCheck, RebuildPlan
    from app.tools.rebuilds.table_rebuild import TableRebuild

    without = options.without_old
    plan = RebuildPlan(
        into=options.into,
        source=options.source,
        go_on=options.go_on,
        check=options.check,
        without_old=frozenset() if without is None else frozenset(without or VENDORS),
        partial=options.partial,
    )
    result = asyncio.run(TableRebuild(settings, plan).run())
    tell(result, as_json=options.json)
    return check_code(is_equal=result.is_equal) if isinstance(result, RebuildCheck) else 0
