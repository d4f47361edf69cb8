"""`rollcall forget KEY`: deletes one user for good, or all users of a tenant."""

import argparse
import sys
import time

import msgspec

from app.cli.arguments import add_json, add_question, rate
from app.cli.user_arguments import add_who_and_why, signature, user_key
from app.errors import CommandFailed
from app.settings import Settings
from app.tools.question import confirm
from app.tools.users.user_key import UserKey
from app.vendors import VENDORS

_COMES_BACK = "a full snapshot that the vendor sends later brings the user back: delete the user there first"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "user", nargs="?", type=user_key, metavar="KEY", help="vendor/tenant/user id, as in the records"
    )
    parser.add_argument("--tenant", metavar="T", help="all users of this tenant of --vendor, in place of KEY")
    parser.add_argument("--vendor", choices=VENDORS, metavar="V", help=", ".join(VENDORS))
    parser.add_argument(
        "--rate", type=rate, default=0.0, metavar="N", help="write at most so many events a second"
    )
    add_who_and_why(parser)
    add_question(parser)
    add_json(parser)
    parser.set_defaults(wrong_usage=parser.error)


def run(options: argparse.Namespace, settings: Settings) -> int:
    """Writes the deletions and says so. Returns the exit code, 0. Raises CommandFailed, BrokerUnreachable and
    AccessRefused; then nothing is written, unless the error says otherwise."""
    of_tenant = options.tenant is not None and options.vendor is not None
    if (options.user is None) != of_tenant or (options.user and (options.tenant or options.vendor)):
        options.wrong_usage("expected KEY, or --vendor and --tenant")
    done = _forget_tenant(options, settings) if of_tenant else _forget_user(options, settings)
    sys.stdout.write(done)
    return 0


def _forget_user(options: argparse.Namespace, settings: Settings) -> str:
    import asyncio

    from app.state import DeletedUser
    from app.times import format_micros
    from app.tools.users.key_rows import read_one
    from app.tools.users.operator_event import deletion_of, event_time, latest_stamp
    from app.tools.users.operator_writes import write_events
    from app.tools.users.row_changes import field_names

    user: UserKey = options.user
    rows = asyncio.run(read_one(settings, user.key))
    if rows.user is None:
        raise CommandFailed("there is no row of this key")
    at = event_time(time.time_ns() // 1000, latest_stamp(rows))
    event = deletion_of(user, at, signature(options))
    names = field_names(*rows)
    if not options.json:
        if isinstance(rows.user, DeletedUser):
            sys.stdout.write(f"{user} is deleted since {rows.user.deleted_at}\n")
        else:
            sys.stdout.write(f"{user} loses: {', '.join(names) or 'nothing but the row'}\n")
        sys.stdout.write(
            f"vendor events up to {format_micros(at)} will change nothing of this user any more\n"
        )
        sys.stdout.write(f"{_COMES_BACK}\n")
        sys.stdout.flush()
    confirm("Delete the user for good?", yes=options.yes)
    asyncio.run(write_events(settings, [(user.key, event)]))
    written = msgspec.json.decode(event)
    if options.json:
        return _json({"key": str(user), "id": written["id"], "time": written["time"], "fields": names})
    return f"written: {written['id']}\n"


def _forget_tenant(options: argparse.Namespace, settings: Settings) -> str:
    import asyncio

    from app.tools.users.operator_event import deletion_of, event_time
    from app.tools.users.operator_writes import write_events
    from app.tools.users.tenant_users import read_tenant

    found = asyncio.run(read_tenant(settings, options.vendor, options.tenant))
    if not found.stamps and not found.deleted:
        raise CommandFailed("the users changelog has no row of this tenant")
    now, by = time.time_ns() // 1000, signature(options)
    # Nothing is written if one of the events would be refused.
    event_time(now, max(found.stamps.values(), default=0))
    count = len(found.stamps)
    events = (
        (user.key, deletion_of(user, event_time(now, stamp), by)) for user, stamp in found.stamps.items()
    )
    if not options.json:
        sys.stdout.write(f"users to delete: {count}; deleted already: {found.deleted}\n")
        sys.stdout.write(f"stop the tenant's producers first: {_COMES_BACK}\n")
        sys.stdout.flush()
    if count:
        confirm(f"Delete {count} users for good?", yes=options.yes)
        asyncio.run(write_events(settings, events, count, options.rate))
    if options.json:
        return _json({"written": count, "deleted_already": found.deleted})
    return f"written: {count} deletions\n"


def _json(told: dict[str, object]) -> str:
    return msgspec.json.encode(told).decode() + "\n"
