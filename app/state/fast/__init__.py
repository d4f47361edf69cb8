"""Shortcuts. Delete this folder and every answer stays the same, only slower.

`tests/state/fast/test_removal.py` deletes it and compares. Only `app/state/__init__.py` imports this folder,
and it looks first whether the folder is there.

"Every answer" means: to an event of the user whose rows are given, for rows that `apply` or `merge` made.
A row that another program wrote may have a form that these two never write (a claim with the value null, a
stamp that equals `as_of`). A merge gives such a row its normal form; a shortcut leaves the odd part as it is.
"""

from typing import Final

from app.state.fast.same_groups import changed_user
from app.state.fast.short_way import apply
from app.state.fast.stored import stored_loyalty, stored_user
from app.state.fast.supersede import loyalty_supersedes, read_loyalty, read_user, user_supersedes
from app.state.shortcuts import Shortcuts

SHORTCUTS: Final = Shortcuts(
    apply=apply,
    changed_user=changed_user,
    stored_user=stored_user,
    stored_loyalty=stored_loyalty,
    read_user=read_user,
    read_loyalty=read_loyalty,
    user_supersedes=user_supersedes,
    loyalty_supersedes=loyalty_supersedes,
)
