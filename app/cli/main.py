"""The command `rollcall`: arguments in, exit code out. Each command is imported when it is used,
so that `convert` and `fold` start without Kafka's and Faust's modules."""

import argparse
import os
import re
import sys
from collections.abc import Callable, Sequence

from app import __version__
from app.cli.failed import Failed
from app.settings import InvalidSettings, Settings, load
from app.vendors import VENDORS

DONE, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    options = _parser().parse_args(arguments)
    run: Callable[[argparse.Namespace, Settings], int] = options.run
    try:
        return run(options, load(os.environ))
    except (InvalidSettings, Failed) as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # The reader has gone: what it did not want is not an error, but nothing more can be written.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rollcall", description="Five vendors' user events, one canonical stream."
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    worker = commands.add_parser("worker", help="run a worker until SIGTERM")
    worker.set_defaults(run=_worker)

    demo = commands.add_parser("demo", help="the main job, live, on an embedded Kafka")
    demo.add_argument("--keep", action="store_true", help="leave it up to look at, until Ctrl-C")
    demo.set_defaults(run=_demo)

    convert = commands.add_parser("convert", help="vendor bodies on stdin, one JSON outcome a line on stdout")
    convert.add_argument("--vendor", required=True, choices=VENDORS, metavar="V", help=", ".join(VENDORS))
    convert.add_argument(
        "--tenant",
        dest="header",
        action="append",
        type=_tenant,
        metavar="T",
        help="the same as --header tenant=T",
    )
    convert.add_argument("--header", action="append", default=[], type=_header, metavar="NAME=VALUE")
    convert.add_argument(
        "--timestamp", type=int, metavar="MS", help="the records' Kafka timestamp; default: now"
    )
    convert.add_argument("--origin", type=_origin, default=("-/0", 0), metavar="TOPIC/PARTITION/OFFSET")
    convert.set_defaults(run=_convert)

    fold = commands.add_parser("fold", help="canonical events on stdin, the rows of both tables on stdout")
    fold.add_argument("--rows", metavar="FILE", help="merge with these rows, the output of an earlier fold")
    fold.set_defaults(run=_fold)

    topics = commands.add_parser("topics", help="show the topics, create or check them")
    topics.add_argument("--create", action="store_true", help="create what is missing")
    topics.add_argument("--check", action="store_true", help="fail where one is missing or wrong")
    topics.set_defaults(run=_topics)

    resume = commands.add_parser("resume", help="let a vendor go on that is held for its dead letters")
    resume.add_argument("vendor", choices=VENDORS, metavar="VENDOR", help=", ".join(VENDORS))
    resume.add_argument("--url", help="of the worker; default: http://HTTP_HOST:HTTP_PORT of the settings")
    resume.set_defaults(run=_resume)

    config = commands.add_parser("config", help="show the settings in force")
    config.add_argument("--table", action="store_true", help="the README's table of all settings")
    config.set_defaults(run=_config)

    broker = commands.add_parser("broker", help="a real Kafka in the foreground, for development")
    broker.add_argument("--port", type=int, help="default: a free one")
    broker.add_argument("--stock", action="store_true", help="with the defaults that Kafka ships with")
    broker.set_defaults(run=_broker)
    return parser


def _header(text: str) -> tuple[str, bytes]:
    name, separator, value = text.partition("=")
    if not separator or not name:
        raise argparse.ArgumentTypeError("expected NAME=VALUE")
    return name, os.fsencode(value)


def _tenant(text: str) -> tuple[str, bytes]:
    return "tenant", os.fsencode(text)


def _origin(text: str) -> tuple[str, int]:
    match = re.fullmatch(r"(.+/\d+)/(\d+)", text, re.ASCII)
    if match is None:
        raise argparse.ArgumentTypeError("expected TOPIC/PARTITION/OFFSET")
    return match[1], int(match[2])


def _convert(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.convert import Line, now_ms, run_convert
    from app.collector import tune_collector

    tune_collector()

    timestamp = now_ms() if options.timestamp is None else options.timestamp
    place, offset = options.origin
    record = Line(offset, timestamp, options.header)
    return run_convert(options.vendor, record, place, settings, sys.stdin.fileno(), sys.stdout.buffer)


def _fold(options: argparse.Namespace, _settings: Settings) -> int:
    from app.cli.fold import run_fold

    return run_fold(options.rows, sys.stdin.buffer, sys.stdout.buffer, sys.stderr)


def _worker(_options: argparse.Namespace, settings: Settings) -> int:
    from app.versions import UnsupportedVersion, check_versions

    try:
        # Before the import, which another version may not survive.
        check_versions()
    except UnsupportedVersion as error:
        raise Failed(str(error)) from None
    from app.cli.worker import run_worker

    return run_worker(settings)


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.demo import run_demo

    return run_demo(settings, keep=options.keep)


def _topics(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.topics import run_topics

    return run_topics(settings, create=options.create, check=options.check)


def _resume(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.resume import run_resume

    return run_resume(settings, options.vendor, options.url)


def _config(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.config import run_config

    return run_config(settings, table=options.table)


def _broker(options: argparse.Namespace, _settings: Settings) -> int:
    from app.cli.broker import run_broker

    return run_broker(options.port, stock=options.stock)
