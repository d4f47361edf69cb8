"""`rollcall diff`: what the installed mapping and that of another version make of the same records."""

import argparse
import asyncio
import sys
from pathlib import Path

from app.cli.arguments import add_json, add_span, header, tenant
from app.settings import Settings
from app.vendors import VENDORS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--vendor", required=True, choices=VENDORS, metavar="V", help=", ".join(VENDORS))
    parser.add_argument(
        "--against", required=True, metavar="REV|WHEEL", help="a git revision, or a wheel file of Rollcall"
    )
    parser.add_argument(
        "--repository", type=Path, default=Path(), metavar="DIR", help="of the revision; default: this folder"
    )
    parser.add_argument("--python", default="", metavar="FILE", help="the Python that runs the other version")
    parser.add_argument("--cache", type=Path, metavar="DIR", help="where other versions are kept")
    add_span(parser)
    parser.add_argument(
        "--bodies", type=Path, metavar="FILE", help="no topic: bodies, one a line; -: standard input"
    )
    parser.add_argument(
        "--tenant", dest="header", action="append", type=tenant, metavar="T", help="with --bodies: a header"
    )
    parser.add_argument(
        "--header", action="append", default=[], type=header, metavar="NAME=VALUE", help="with --bodies"
    )
    parser.add_argument(
        "--timestamp", type=int, metavar="MS", help="with --bodies: that of the records; default: now"
    )
    parser.add_argument("--show-values", action="store_true", help="with examples, which show payloads")
    parser.add_argument("--exit-code", action="store_true", help="exit with 1 if anything differs")
    add_json(parser)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Prints the differences on standard output. Returns the exit code, 0.

    Raises CommandFailed if the other version cannot be run, or, with `--exit-code`, if anything differs;
    RollcallError if the records cannot be read.
    """
    import msgspec

    from app.cli.convert import now_ms
    from app.tools.connected import Span
    from app.tools.mappings.other_version import default_cache, version_folder
    from app.tools.mappings.vendor_diff import BodiesFile, compare_file, compare_topic

    vendor, python = options.vendor, options.python
    folder = version_folder(options.against, options.repository, options.cache or default_cache())
    if options.bodies is None:
        span = Span(options.since, options.until, options.partition, options.first, options.end)
        found = asyncio.run(compare_topic(settings, vendor, span, folder, python))
    else:
        timestamp = now_ms() if options.timestamp is None else options.timestamp
        bodies = BodiesFile(options.bodies, options.header or [], timestamp)
        found = asyncio.run(compare_file(settings, vendor, bodies, folder, python))
    if options.json:
        members = {"vendor": vendor, "against": options.against, **found.members(values=options.show_values)}
        sys.stdout.write(f"{msgspec.json.encode(members).decode()}\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in found.lines(values=options.show_values))
    if options.exit_code and found.different:
        from app.errors import CommandFailed

        sys.stdout.flush()
        raise CommandFailed(f"{found.different:,} of {found.records:,} records differ")
    return 0
