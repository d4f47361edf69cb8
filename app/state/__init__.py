"""State: (event, rows) -> rows. Pure: no Kafka, no Faust, no clock (docs/tables.md).

The rows of a key are a function of the set of its events, not of their order. This is promised within the
grace period, for every history but those that both revive a user (a full snapshot newer than a deletion) and
hold a partial event newer than that deletion; these are right when delivered in order (docs/tables.md#order).

`apply` takes one event into the rows, `merge` joins two states of one key, `fold` does a whole history. How
they do it is in `rules/`; read rows.py (what is kept), registers.py (the one rule), users.py and loyalty.py
(what one event makes of a row, and how two rows are joined), apply.py and merge.py (both rows of a key, and
deletion), decoding.py (which bytes are a row). `fast/` holds shortcuts only.
"""

from functools import partial
from importlib import import_module
from pkgutil import iter_modules

from app.state.rules.apply import concerns_loyalty
from app.state.rules.changed_names import changed_loyalty
from app.state.rules.decoding import InvalidRow, LaterRow, decode_loyalty, decode_user
from app.state.rules.effect import EFFECTS, Effect
from app.state.rules.fold import fold_by
from app.state.rules.instants import micros_of
from app.state.rules.loyalty import merge_loyalty, prune
from app.state.rules.merge import merge
from app.state.rules.rows import (
    NO_ROWS,
    DeletedUser,
    LoyaltyRow,
    Rows,
    User,
    UserRow,
    encode_loyalty,
    encode_user,
)
from app.state.rules.users import expired, merge_users
from app.state.shortcuts import NO_SHORTCUTS, Shortcuts

__all__ = [
    "EFFECTS",
    "NO_ROWS",
    "DeletedUser",
    "Effect",
    "InvalidRow",
    "LaterRow",
    "LoyaltyRow",
    "Rows",
    "User",
    "UserRow",
    "apply",
    "changed_loyalty",
    "changed_user",
    "concerns_loyalty",
    "decode_loyalty",
    "decode_user",
    "encode_loyalty",
    "encode_user",
    "expired",
    "fold",
    "loyalty_supersedes",
    "merge",
    "merge_loyalty",
    "merge_users",
    "micros_of",
    "prune",
    "read_loyalty",
    "read_user",
    "stored_loyalty",
    "stored_user",
    "user_supersedes",
]

# The one place where the shortcuts come in. If somebody deletes the folder `fast`, the rules answer alone.
_shortcuts: Shortcuts = (
    import_module("app.state.fast").SHORTCUTS
    if "fast" in {module.name for module in iter_modules(__path__)}
    else NO_SHORTCUTS
)
apply = _shortcuts.apply
changed_user = _shortcuts.changed_user
fold = partial(fold_by, apply)
stored_user = _shortcuts.stored_user
stored_loyalty = _shortcuts.stored_loyalty
read_user = _shortcuts.read_user
read_loyalty = _shortcuts.read_loyalty
user_supersedes = _shortcuts.user_supersedes
loyalty_supersedes = _shortcuts.loyalty_supersedes
