"""`rollcall repair KEY`: sets and clears values of one user, or brings a deleted user back."""

import argparse
import sys
import time
from typing import NamedTuple

import msgspec

from app.cli.arguments import add_json, add_question
from app.cli.user_arguments import add_who_and_why, user_key, who
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.question import confirm
from app.tools.row_fields import BadField, Changes, parse_changes
from app.tools.user_key import UserKey


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

    from app.tools.operator_writes import write_events

    plan = asyncio.run(_plan(settings, user, changes, who(options), options))
    if not options.json:
        sys.stdout.write("".join(f"{line}\n" for line in plan.lines))
        sys.stdout.flush()
    confirm(plan.question, yes=options.yes)
    asyncio.run(write_events(settings, [(user.key, plan.event)]))
    written = msgspec.json.decode(plan.event)
    if options.json:
        told = {"key": str(user), "id": written["id"], "time": written["time"], "changed": plan.changed}
        sys.stdout.write(msgspec.json.encode(told).decode() + "\n")
    else:
        sys.stdout.write(f"written: {written['id']}\n")
    return 0


class Plan(NamedTuple):
    """The event that is to be written, and what is told of it before."""

    event: bytes
    lines: list[str]
    question: str
    changed: list[dict[str, object]]


async def _plan(
    settings: Settings, user: UserKey, changes: Changes, who_does: str, options: argparse.Namespace
) -> Plan:
    from app.state import DeletedUser
    from app.tools.connected import reading
    from app.tools.key_events import read_events, row_before_deletion
    from app.tools.key_rows import home_partition, read_rows
    from app.tools.operator_event import event_time, latest_stamp, update_of
    from app.tools.repair_plan import told_changes

    topics = (settings.topic_events, *settings.changelogs)
    async with reading(settings, topics, [settings.topic_events]) as logs:
        partition = home_partition(logs, settings, user.key)
        rows = await read_rows(logs, settings, user.key)
        is_deleted = isinstance(rows.user, DeletedUser)
        if not options.restore:
            if rows.user is None:
                raise CommandFailed("there is no row of this key")
            if is_deleted:
                raise CommandFailed("the user is deleted: --restore brings the user back")
            events = []
        elif rows.user is not None and not is_deleted:
            raise CommandFailed("the user is not deleted")
        else:
            found = await read_events(logs, settings, user.key, partition)
            events = [each.event for each in found if each.event is not None]
    at = event_time(time.time_ns() // 1000, latest_stamp(rows))
    if not options.restore:
        data = changes.partial(user.sub)
    else:
        if rows.user is None and not events:
            raise CommandFailed("there is neither a row nor an event of this key")
        before = row_before_deletion(
            events, rows.user.deleted_at if isinstance(rows.user, DeletedUser) else None
        )
        if before is None and not any(value is not None for value in changes.values.values()):
            raise CommandFailed(
                "the canonical topic has no full snapshot from before the deletion: give values with --set"
            )
        data = changes.full(user.sub, before)
    event = update_of(user, at, data, who_does, options.why)
    return Plan(event, *told_changes(user, rows, event, at, restore=options.restore))
