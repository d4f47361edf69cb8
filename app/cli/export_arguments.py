"""The arguments of the two commands that read a vendor's export: which vendor, whose users, of when."""

import argparse
import os
import time

from app.bounds import MAX_ID_BYTES, is_nothing
from app.cli.arguments import moment
from app.times import YEAR_2000
from app.vendors import VENDORS


def add_export_arguments(command: argparse.ArgumentParser) -> None:
    command.add_argument("--vendor", required=True, choices=VENDORS, metavar="V", help=", ".join(VENDORS))
    command.add_argument(
        "--tenant", required=True, type=tenant_name, metavar="T", help="the tenant whose users these are"
    )
    command.add_argument(
        "--as-of",
        type=beginning,
        metavar="TIME",
        help="when the export began (RFC 3339, or ms), never later: for users without a time of their own",
    )
    command.add_argument(
        "--skip-bad", action="store_true", help="exit with 0 though lines were refused and left out"
    )
    command.add_argument("file", metavar="FILE", help="JSON lines: user objects or bodies; - for stdin")


def tenant_name(text: str) -> str:
    # The header `tenant` of a record has the same rules (docs/events.md#tenants).
    usable = text.isspace() or not is_nothing(text)
    # What is not UTF-8 has become halves of surrogate pairs.
    written = os.fsencode(text)
    if not usable or len(written) > MAX_ID_BYTES or written != text.encode(errors="replace"):
        raise argparse.ArgumentTypeError(f"expected the name of a tenant, at most {MAX_ID_BYTES} bytes")
    return text


def beginning(text: str) -> int:
    """Returns the time in milliseconds since 1970, which has to be one of the past."""
    at = moment(text)
    if not YEAR_2000 // 1000 <= at <= time.time_ns() // 1_000_000:
        raise argparse.ArgumentTypeError("expected the time at which the export began: after 1999, not ahead")
    return at
