"""`rollcall inspect KEY`: the rows, the events and the dead letters of one user, and what is left after a
deletion."""

import argparse
import sys
from typing import TYPE_CHECKING

from app.cli.arguments import add_json, moment
from app.cli.user_arguments import user_key
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.users.find_value import Wanted, parse_wanted

if TYPE_CHECKING:
    from app.tools.users.erase_check import ErasureReport


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "user", nargs="?", type=user_key, metavar="KEY", help="vendor/tenant/user id, as in the records"
    )
    parser.add_argument(
        "--find",
        type=_wanted,
        metavar="CLAIM=VALUE",
        help="in place of KEY: the keys whose users rows have this value",
    )
    parser.add_argument(
        "--erase-check",
        action="store_true",
        help="after a deletion: what is left in each topic, and until when; exit code 1 if there is anything",
    )
    parser.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="only events and dead letters written at this time (RFC 3339, or ms) or later",
    )
    add_json(parser)
    parser.set_defaults(wrong_usage=parser.error)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Prints what there is. Returns the exit code, 0. Raises CommandFailed, also if `--erase-check` finds
    anything; BrokerUnreachable and AccessRefused."""
    if (options.user is None) == (options.find is None):
        options.wrong_usage("expected KEY or --find")
    if options.erase_check and (options.user is None or options.since is not None):
        options.wrong_usage("argument --erase-check: expected KEY and no --since")
    import asyncio

    if options.find is not None:
        from app.tools.users.find_value import find_keys

        _print_keys(asyncio.run(find_keys(settings, options.find)), as_json=options.json)
        return 0
    if options.erase_check:
        from app.tools.users.erase_check import erasure_report

        _print_report(str(options.user), asyncio.run(erasure_report(settings, options.user)), options.json)
        return 0
    from app.tools.users.user_report import as_json, as_lines, read_user

    found = asyncio.run(read_user(settings, options.user, options.since))
    sys.stdout.write(as_json(found) if options.json else as_lines(found))
    return 0


def _print_keys(keys: list[str], *, as_json: bool) -> None:
    import msgspec

    from app.tools.users.shown import printable

    if as_json:
        sys.stdout.write(msgspec.json.encode({"keys": keys}).decode() + "\n")
    else:
        sys.stdout.write("".join(f"{printable(key)}\n" for key in keys))
        print(f"keys found: {len(keys)}", file=sys.stderr)


def _print_report(key: str, report: "ErasureReport", as_json: bool) -> None:
    from app.tools.users.erasure_text import report_json, report_lines

    sys.stdout.write(report_json(key, report) if as_json else report_lines(key, report))
    sys.stdout.flush()
    left = [each for each in report.topics if each.values]
    if left:
        raise CommandFailed(f"not erased: {sum(each.values for each in left)} records in {len(left)} topics")


def _wanted(text: str) -> Wanted:
    try:
        return parse_wanted(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
