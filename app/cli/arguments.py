"""The arguments that several commands have, or that are more than a word: how they are declared and read."""

import argparse
import os
import re
from contextlib import suppress
from typing import Final

import msgspec

from app.settings import InstanceId
from app.times import parse_rfc3339
from app.vendors import VENDORS

_MILLISECONDS: Final = re.compile(r"-?[0-9]{1,15}", re.ASCII)

# A worker makes its status at most once a second.
_SHORTEST: Final = 0.2
_LONGEST: Final = 3600.0


def add_switch_arguments(switch: argparse.ArgumentParser) -> None:
    names = (*VENDORS, "events")
    switch.add_argument("vendor", choices=names, metavar="VENDOR|events", help=", ".join(names))
    way = switch.add_mutually_exclusive_group()
    add_urls(way)
    way.add_argument(
        "--no-workers",
        action="store_true",
        help="no worker of the group runs: change the offsets that it has committed",
    )


def add_urls(command: argparse._ActionsContainer) -> None:
    command.add_argument(
        "--url",
        action="append",
        default=[],
        help="a worker's address; may be repeated; default: http://HTTP_HOST:HTTP_PORT",
    )


def add_span(command: argparse.ArgumentParser) -> None:
    """Declares which records of a log are read: `since`, `until`, `partition`, `first` and `end`, as `Span`
    has them."""
    command.add_argument(
        "--since",
        type=moment,
        metavar="TIME",
        help="records of this time (RFC 3339, or ms) or later",
    )
    command.add_argument("--until", type=moment, metavar="TIME", help="records stamped before this time")
    command.add_argument("--partition", type=natural, metavar="N", help="only this partition")
    command.add_argument(
        "--first", type=natural, metavar="OFFSET", help="from this offset of the partition on"
    )
    command.add_argument("--end", type=natural, metavar="OFFSET", help="up to the offset before this one")


def add_json(command: argparse.ArgumentParser) -> None:
    command.add_argument("--json", action="store_true", help="the result as one line of JSON")


def add_question(command: argparse.ArgumentParser) -> None:
    command.add_argument("--yes", action="store_true", help="write without a question")


def moment(text: str) -> int:
    """Returns the time in milliseconds since 1970."""
    if _MILLISECONDS.fullmatch(text):
        return int(text)
    micros = parse_rfc3339(text)
    if micros is None:
        raise argparse.ArgumentTypeError("expected a time such as 2026-11-25T08:00:00Z, or milliseconds")
    return micros // 1000


def natural(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,18}", text, re.ASCII):
        raise argparse.ArgumentTypeError("expected a number that is not negative")
    return int(text)


def rate(text: str) -> float:
    with suppress(ValueError):
        if 0.0 < (per_second := float(text)) < float("inf"):
            return per_second
    raise argparse.ArgumentTypeError("expected a number of records a second, more than 0")


def add_convert_arguments(convert: argparse.ArgumentParser) -> None:
    convert.add_argument("--vendor", required=True, choices=VENDORS, metavar="V", help=", ".join(VENDORS))
    convert.add_argument(
        "--tenant",
        dest="header",
        action="append",
        type=tenant,
        metavar="T",
        help="the same as --header tenant=T",
    )
    convert.add_argument(
        "--header",
        action="append",
        default=[],
        type=header,
        metavar="NAME=VALUE",
        help="a header of every record; may be repeated",
    )
    convert.add_argument(
        "--timestamp",
        type=int,
        metavar="MS",
        help="the records' Kafka timestamp, in milliseconds since 1970; default: now",
    )
    convert.add_argument(
        "--origin",
        type=origin,
        default=("-/0", 0),
        metavar="TOPIC/PARTITION/OFFSET",
        help="the position of the first record; default: -/0/0",
    )


def header(text: str) -> tuple[str, bytes]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    return name, os.fsencode(value)


def tenant(text: str) -> tuple[str, bytes]:
    return "tenant", os.fsencode(text)


def origin(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+/\d+)/(\d+)", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError("expected TOPIC/PARTITION/OFFSET")
    return match[1], int(match[2])


def position(text: str) -> str:
    origin(text)
    return text


def interval(text: str) -> float:
    with suppress(ValueError):
        if _SHORTEST <= (seconds := float(text)) <= _LONGEST:
            return seconds
    raise argparse.ArgumentTypeError(f"expected seconds from {_SHORTEST:g} to {_LONGEST:g}")


def instance(text: str) -> str:
    try:
        return msgspec.convert(text, InstanceId)
    except msgspec.ValidationError:
        raise argparse.ArgumentTypeError("expected a GROUP_INSTANCE_ID") from None
