"""What must be true of the shortcuts of `app/state/fast`: they answer what the rules answer.

It is true of rows that Rollcall writes. A merge gives a row of another form the normal form, where a shortcut
leaves it alone.
"""

from app.canonical import Event
from app.engine.tables.merge_rules import TableName
from app.state import Rows, apply, changed_user, stored_loyalty, stored_user
from app.state.rules.apply import apply as rules_apply
from app.state.rules.encoding import encode_row
from app.state.shortcuts import NO_SHORTCUTS
from tests.state.histories import encoded
from tests.tools.fuzz.finding import demand


def check_shortcuts(event: Event, before: Rows) -> None:
    """Checks the answer to an event, which may be a repeat."""
    user, loyalty, effect = apply(event, *before)
    by_rules = rules_apply(event, *before)
    rows = encoded(Rows(user, loyalty))
    same = effect == by_rules[2] and rows == encoded(Rows(*by_rules[:2]))
    demand(same, "a shortcut answers what the rules answer")
    held = encoded(before)[0]
    names = NO_SHORTCUTS.changed_user(before.user, user, held, rows[0])
    demand(changed_user(before.user, user, held, rows[0]) == names, "a shortcut names what changed")


def check_stored(table: TableName, row: bytes, again: bytes) -> None:
    """Checks the decoding of a row without the checks that it has passed. `again`: its encoding after the
    decoding with them."""
    stored = stored_user(row) if table == "users" else stored_loyalty(row)
    demand(encode_row(stored) == again, "a stored row is read as any row")
