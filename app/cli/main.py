"""The command `rollcall`: arguments in, exit code out.

Each command's module is imported only when the command is used. So `convert` and `fold` start without the
modules of Kafka and Faust.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence

from app import __version__
from app.cli.arguments import (
    add_convert_arguments,
    add_json,
    add_switch_arguments,
    add_urls,
    instance,
    interval,
    position,
)
from app.cli.extras import what_is_missing
from app.cli.operator_commands import add_operator_commands
from app.environment import load
from app.errors import RollcallError
from app.settings import Settings

DONE, FAILED, USAGE = 0, 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs one command and returns its exit code: 0 for success, 1 for a failure, which is one line on
    standard error. Wrong usage ends the process with exit code 2. `arguments`: None means those of the
    process."""
    given = sys.argv[1:] if arguments is None else arguments
    options = _parser(given).parse_args(given)
    run: Callable[[argparse.Namespace, Settings], int] = options.run
    try:
        return run(options, load(os.environ))
    except RollcallError as error:
        print(f"rollcall: {error}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        return FAILED
    except BrokenPipeError:
        # The reader of the output has closed it, as `head` does. That is no error to report, but Python would
        # report one when it flushes standard output at the end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED


def _parser(arguments: Sequence[str]) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="rollcall", description="Makes one canonical stream of the user events of five vendors."
    )
    parser.add_argument("--version", action="version", version=f"rollcall {__version__}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    worker = commands.add_parser("worker", help="run a worker until SIGTERM")
    worker.set_defaults(run=_worker)

    demo = commands.add_parser("demo", help="show a worker on an embedded Kafka, and check its results")
    demo.add_argument("--keep", action="store_true", help="keep Kafka and the worker running until Ctrl-C")
    demo.set_defaults(run=_demo)

    convert = commands.add_parser(
        "convert", help="read a vendor's bodies from stdin, write one outcome a line"
    )
    add_convert_arguments(convert)
    convert.set_defaults(run=_convert)

    fold = commands.add_parser("fold", help="read canonical events from stdin, write the rows of both tables")
    fold.add_argument("--rows", metavar="FILE", help="merge with these rows, the output of an earlier fold")
    fold.set_defaults(run=_fold)

    topics = commands.add_parser("topics", help="show, create or check the topics")
    topics.add_argument("--create", action="store_true", help="create missing topics, then check all of them")
    topics.add_argument("--check", action="store_true", help="exit with 1 if a topic is missing or wrong")
    topics.add_argument("--settings", action="store_true", help="show also what is as it should be")
    add_json(topics)
    topics.set_defaults(run=_topics)

    pause = commands.add_parser("pause", help="pause a vendor, or the canonical topic, until it is resumed")
    pause.add_argument("--reason", default="", help="why, for /readyz and the log")
    add_switch_arguments(pause)
    pause.set_defaults(run=_pause)

    resume = commands.add_parser("resume", help="resume a vendor, or the canonical topic, that is paused")
    resume.add_argument(
        "--skip",
        type=position,
        metavar="TOPIC/PARTITION/OFFSET",
        help="without this record, which becomes a dead letter",
    )
    add_switch_arguments(resume)
    resume.set_defaults(run=_resume, wrong_usage=resume.error)

    top = commands.add_parser("top", help="show the status of workers until Ctrl-C")
    top.add_argument("--once", action="store_true", help="one time; the default if the output is no terminal")
    top.add_argument("--json", action="store_true", help="one time, one line of JSON a worker")
    top.add_argument("--interval", type=interval, default=2.0, metavar="SECONDS", help="default: 2")
    add_urls(top)
    top.set_defaults(run=_top)

    leave = commands.add_parser("leave", help="remove a static member that will not come back from the group")
    leave.add_argument("instance", type=instance, metavar="INSTANCE", help="its GROUP_INSTANCE_ID")
    leave.set_defaults(run=_leave)

    add_operator_commands(commands, arguments)

    config = commands.add_parser("config", help="show the settings in force")
    config.add_argument("--table", action="store_true", help="show all settings as a table, in Markdown")
    config.set_defaults(run=_config)

    broker = commands.add_parser("broker", help="run a real Kafka in the foreground, for development")
    broker.add_argument("--port", type=int, help="the port on 127.0.0.1; default: a free one")
    broker.add_argument("--stock", action="store_true", help="keep all defaults that Kafka ships with")
    broker.set_defaults(run=_broker)
    return parser


def _lacks(command: str, extras: Sequence[str]) -> bool:
    line = what_is_missing(command, extras)
    if line is not None:
        print(line, file=sys.stderr)
    return line is not None


def _convert(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.convert import Line, now_ms, run_convert
    from app.gc_tuning import tune_collector

    tune_collector()

    timestamp = now_ms() if options.timestamp is None else options.timestamp
    partition, offset = options.origin
    record = Line(offset, timestamp, options.header)
    return run_convert(options.vendor, record, partition, settings, sys.stdin.fileno(), sys.stdout.buffer)


def _fold(options: argparse.Namespace, _settings: Settings) -> int:
    from app.cli.fold import run_fold

    return run_fold(options.rows, sys.stdin.buffer, sys.stdout.buffer, sys.stderr)


def _worker(_options: argparse.Namespace, settings: Settings) -> int:
    from app.gc_tuning import collect_less_often
    from app.versions import check_versions

    collect_less_often()
    check_versions()  # first, because with other versions the import of the engine may fail
    from app.cli.worker import run_worker

    return run_worker(settings)


def _demo(options: argparse.Namespace, settings: Settings) -> int:
    # With BROKER_URL the demo uses that broker and needs no embedded Kafka.
    if _lacks("demo", ["tools"] if os.environ.get("BROKER_URL") else ["kafka", "tools"]):
        return FAILED
    from app.cli.demo import run_demo

    return run_demo(settings, keep=options.keep)


def _topics(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.topics import run_topics

    return run_topics(
        settings,
        create=options.create,
        check=options.check,
        every=options.settings,
        as_json=options.json,
    )


def _pause(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.pause import run_pause

    return run_pause(settings, options.vendor, options.url, options.reason, no_workers=options.no_workers)


def _resume(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.resume import run_resume

    if options.no_workers and options.skip:
        options.wrong_usage("argument --skip: not allowed with argument --no-workers")
    return run_resume(
        settings, options.vendor, options.url, options.skip or "", no_workers=options.no_workers
    )


def _top(options: argparse.Namespace, settings: Settings) -> int:
    if _lacks("top", ["tools"]):
        return FAILED
    from app.cli.top import run_top

    return run_top(settings, options.url, once=options.once, as_json=options.json, interval=options.interval)


def _leave(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.leave import run_leave

    return run_leave(settings, options.instance)


def _config(options: argparse.Namespace, settings: Settings) -> int:
    from app.cli.config import run_config

    return run_config(settings, table=options.table)


def _broker(options: argparse.Namespace, _settings: Settings) -> int:
    if _lacks("broker", ["kafka"]):
        return FAILED
    from app.cli.broker import run_broker

    return run_broker(options.port, stock=options.stock)
