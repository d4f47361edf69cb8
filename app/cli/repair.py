"""`rollcall repair KEY`: sets and clears values of one user, or brings a deleted user back."""

import argparse
import sys
import time
from typing import TYPE_CHECKING

import msgspec

from app.cli.arguments import add_json, add_question
from app.cli.user_arguments import add_who_and_why, signature, user_key
from app.settings import Settings
from app.tools.question import confirm
from app.tools.users.row_fields import BadField, Changes, parse_changes
from app.tools.users.user_key import UserKey

if TYPE_CHECKING:
    from app.tools.users.repair_plan import RepairPlan


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("user", type=user_key, metavar="KEY", help="vendor/tenant/user id, as in the records")
    for name, metavar, told in (
        (
            "--set",
            "FIELD=TEXT",
            "the new value of a field, as text, true, false or a number; may be repeated",
        ),
        ("--set-json", "FIELD=JSON", "the new value of a field, as JSON; may be repeated"),
        ("--clear", "FIELD", "a field that is to have no value; may be repeated"),
    ):
        parser.add_argument(name, action="append", default=[], metavar=metavar, help=told)
    parser.add_argument(
        "--restore",
        action="store_true",
        help="bring a deleted user back: as the canonical topic still has them from before, else with --set",
    )
    add_who_and_why(parser)
    add_question(parser)
    add_json(parser)
    parser.set_defaults(wrong_usage=parser.error)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Writes the event and says so. Returns the exit code, 0. Raises CommandFailed, BrokerUnreachable and
    AccessRefused; then nothing is written, unless the error says otherwise."""
    user: UserKey = options.user
    try:
        changes = parse_changes(user.vendor, options.set, options.set_json, options.clear)
    except BadField as error:
        options.wrong_usage(str(error))
        raise
    if not changes.values and not options.restore:
        options.wrong_usage("expected --set, --set-json, --clear or --restore")
    import asyncio

    from app.tools.users.operator_writes import write_events

    plan = asyncio.run(_plan(settings, user, changes, options))
    if not options.json:
        sys.stdout.write("".join(f"{line}\n" for line in plan.lines))
        sys.stdout.flush()
    confirm(plan.question, yes=options.yes)
    asyncio.run(write_events(settings, [(user.key, plan.event)]))
    written = msgspec.json.decode(plan.event)
    if options.json:
        changed = [change.as_json() for change in plan.changes]
        told = {"key": str(user), "id": written["id"], "time": written["time"], "changed": changed}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        sys.stdout.write(f"written: {written['id']}\n")
    return 0


async def _plan(
    settings: Settings, user: UserKey, changes: Changes, options: argparse.Namespace
) -> "RepairPlan":
    from app.tools.connected import reading
    from app.tools.users.key_events import read_events
    from app.tools.users.key_rows import home_partition, read_rows
    from app.tools.users.repair_plan import check_repairable, plan_repair, plan_restore

    by, events = signature(options), []
    topics = (settings.topic_events, *settings.changelogs)
    async with reading(settings, topics, [settings.topic_events]) as logs:
        partition = home_partition(logs, settings, user.key)
        rows = await read_rows(logs, settings, user.key)
        check_repairable(rows, restore=options.restore)
        if options.restore:
            events = await read_events(logs, settings, user.key, partition)
    now = time.time_ns() // 1000
    if options.restore:
        known = [each.event for each in events if each.event is not None]
        return plan_restore(user, rows, known, changes, now, by)
    return plan_repair(user, rows, changes, now, by)
