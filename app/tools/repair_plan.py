"""What an operator is told of an event before it is written: by the rules that the worker has, too."""

from app.canonical import decode_event
from app.errors import CommandFailed
from app.key_state import LARGEST_ROW
from app.state import Rows, apply, encode_user
from app.times import format_micros
from app.tools.row_changes import value_changes
from app.tools.shown import printable
from app.tools.user_key import UserKey

Told = tuple[list[str], str, list[dict[str, object]]]
"""Lines for standard output, the question without any value, and the changes for `--json`."""


def told_changes(user: UserKey, rows: Rows, event: bytes, at: int, *, restore: bool) -> Told:
    """Returns what the event changes in the rows. `at`: its time, in microseconds since 1970.

    Raises CommandFailed if a worker would refuse the row that comes of it.
    """
    after, _, _ = apply(decode_event(event), rows.user, rows.loyalty)
    if after is None or len(encode_user(after)) > LARGEST_ROW:
        raise CommandFailed(f"the row would have more than {LARGEST_ROW} bytes")
    changes = value_changes(rows.user, after)
    lines = [str(user), *(f"  {printable(str(change))}" for change in changes)]
    if not changes:
        lines.append("  no value changes; the fields get a later stamp")
    until = format_micros(at)
    if restore:
        lines.append(f"vendor events up to {until} will change nothing of this user any more")
    else:
        lines.append(f"vendor events up to {until} will lose against these values")
    names = ", ".join(change.name for change in changes if change.name.isascii()) or "no value"
    verb = "Restore the user" if restore else "Write this"
    return (
        lines,
        f"{verb} ({names})?",
        [{"name": each.name, "before": each.before, "after": each.after} for each in changes],
    )
