"""`rollcall redrive`: dead letters go back to the topic of their record."""

import argparse
import asyncio
import json
import re
import sys
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from app.cli.arguments import add_json, add_span, natural, position, rate
from app.outcome import DEAD_REASONS
from app.settings import Settings
from app.vendors import VENDORS

if TYPE_CHECKING:
    from app.tools.redrives.redrive_choice import Choice
    from app.tools.redrives.redrive_run import RedriveCounts

_NAME: Final = re.compile(r"[A-Za-z0-9._-]{1,64}", re.ASCII)
_CANONICAL: Final = "canonical"
_SHOWN: Final = 40

_WHY: Final[Mapping[str, str]] = {
    "not_a_dead_letter": "somebody else wrote them to the topic",
    "changelog": "they are records of changelogs, where the worker has put a row over them",
    "truncated": "they are not the whole records",
    "other_topic": "their topic is not the one that the settings name for their vendor",
    "attempts": "they were dead as often as --max-attempts says",
    "too_old": "their events are older than GRACE_PERIOD, or of unknown age; --allow-old takes them",
    "not_taken": "the broker refused them, for their size or their form",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declares the filters, the name of the run, and how much is done."""
    parser.add_argument(
        "--run",
        dest="run_name",
        type=run_name,
        metavar="NAME",
        help="the name of the run: the same name goes on where it was; needed but for --dry-run",
    )
    vendors = (*VENDORS, _CANONICAL)
    _add_many(parser, "--vendor", "letters of this vendor", choices=vendors, metavar="V")
    _add_many(parser, "--reason", "letters with this reason", choices=DEAD_REASONS, metavar="R")
    _add_many(parser, "--detail", "letters whose detail begins with this text", metavar="TEXT")
    _add_many(
        parser,
        "--origin",
        "the letter of the record at this position",
        type=position,
        metavar="TOPIC/PARTITION/OFFSET",
    )
    parser.add_argument("--attempts", type=natural, metavar="N", help="letters that were dead N times")
    add_span(parser)
    parser.add_argument(
        "--limit", type=natural, metavar="N", help="stop after N letters; run it again to go on"
    )
    parser.add_argument("--rate", type=rate, default=0.0, metavar="N", help="at most N letters a second")
    parser.add_argument(
        "--max-attempts",
        type=natural,
        default=5,
        metavar="N",
        help="refuse letters that were dead N times or more; default: 5",
    )
    parser.add_argument(
        "--allow-old", action="store_true", help="also letters whose events are older than GRACE_PERIOD"
    )
    parser.add_argument(
        "--without-original-timestamp",
        action="store_true",
        help="judge records with the reason bad_time by the time at which they are written back",
    )
    parser.add_argument("--dry-run", action="store_true", help="write nothing, count what would be written")
    add_json(parser)
    parser.set_defaults(wrong_usage=parser.error)


def _add_many(parser: argparse.ArgumentParser, name: str, told: str, **more: Any) -> None:
    parser.add_argument(name, action="append", default=[], help=f"{told}; may be repeated", **more)


def run_name(text: str) -> str:
    if not _NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("expected a name of letters, digits, `.`, `_` and `-`, at most 64")
    return text


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Returns the exit code, 0."""
    if not (options.run_name or options.dry_run):
        options.wrong_usage("argument --run: needed without --dry-run")
    if options.partition is None and (options.first is not None or options.end is not None):
        options.wrong_usage("arguments --first and --end: needed with them: --partition")
    from app.tools.redrives.redrive_choice import Choice

    choice = Choice(
        vendors=tuple(sorted(options.vendor)),
        reasons=tuple(sorted(options.reason)),
        details=tuple(sorted(options.detail)),
        origins=tuple(sorted(options.origin)),
        attempts=options.attempts,
        since=options.since,
        until=options.until,
        partition=options.partition,
        first=options.first,
        end=options.end,
        max_attempts=options.max_attempts,
        allow_old=options.allow_old,
        without_original_timestamp=options.without_original_timestamp,
    )
    work = _dry_run if options.dry_run else _run
    counts = asyncio.run(work(settings, choice, options))
    said = _json(options, counts) if options.json else _text(options, counts)
    sys.stdout.write(said)
    return 0


async def _run(settings: Settings, choice: "Choice", options: argparse.Namespace) -> "RedriveCounts":
    from app.tools.connected import reading
    from app.tools.progress_line import ProgressLine, RateLimit
    from app.tools.redrives.redrive_run import Redrive, begin_run, group_of_run, letters_of
    from app.tools.redrives.run_group import joined
    from app.tools.topic_writer import writing

    topic = settings.topic_dead_letter
    async with (
        reading(settings, [topic]) as logs,
        joined(settings, group_of_run(settings, options.run_name), topic) as group,
        writing(settings) as writer,
    ):
        ranges = await begin_run(logs, group, topic, choice)
        redrive = Redrive(settings, choice, ranges, ProgressLine("letters", letters_of(ranges)))
        await redrive.write(logs.session, group, writer, RateLimit(options.rate), options.limit)
        return redrive.counts


async def _dry_run(settings: Settings, choice: "Choice", options: argparse.Namespace) -> "RedriveCounts":
    from app.tools.connected import reading
    from app.tools.progress_line import ProgressLine
    from app.tools.redrives.redrive_run import Redrive, group_of_run, letters_of, new_ranges, ranges_left
    from app.tools.redrives.run_group import committed_of_run

    topic = settings.topic_dead_letter
    async with reading(settings, [topic]) as logs:
        ranges = {}
        if options.run_name:
            group = group_of_run(settings, options.run_name)
            ranges = ranges_left(topic, choice, await committed_of_run(settings, group, topic), group)
        ranges = ranges or await new_ranges(logs, topic, choice)
        redrive = Redrive(settings, choice, ranges, ProgressLine("letters", letters_of(ranges)))
        await redrive.count(logs.session)
        return redrive.counts


def _json(options: argparse.Namespace, counts: "RedriveCounts") -> str:
    done = {
        "run": options.run_name,
        "dry_run": options.dry_run,
        "looked_at": counts.looked_at,
        "written": counts.written.total(),
        "not_chosen": counts.not_chosen,
        "refused": dict(counts.refused),
        "left": counts.left,
        "letters": [
            {"vendor": vendor, "reason": reason, "detail": detail, "count": count}
            for (vendor, reason, detail), count in (+counts.written).most_common()
        ],
    }
    return json.dumps(done, ensure_ascii=False) + "\n"


def _text(options: argparse.Namespace, counts: "RedriveCounts") -> str:
    written, kinds = counts.written.total(), (+counts.written).most_common()
    would = "would be written back" if options.dry_run else "written back"
    total = f"{counts.looked_at:,} letters looked at: {written:,} {would}"
    lines = [f"{total}, {counts.not_chosen:,} not chosen, {counts.refused.total():,} refused"]
    lines += [f"{count:>9,}  {_printable(' '.join(kind))}" for kind, count in kinds[:_SHOWN]]
    if len(kinds) > _SHOWN:
        lines.append(f"{sum(count for _, count in kinds[_SHOWN:]):>9,}  with {len(kinds) - _SHOWN:,} others")
    lines += [f"{count:>9,}  refused, {why}: {_WHY[why]}" for why, count in counts.refused.most_common()]
    if counts.left and not options.dry_run:
        lines.append(f"the run has at most {counts.left:,} letters left: run it again")
    return "".join(f"{line}\n" for line in lines)


def _printable(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
