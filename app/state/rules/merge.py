"""The join of two states of one key. It repairs rows that were written late, twice or from an old memory."""

from app.state.rules.loyalty import merge_loyalty, prune
from app.state.rules.rows import Rows
from app.state.rules.users import merge_users


def merge(a: Rows, b: Rows) -> Rows:
    """Both rows of `a` joined with both rows of `b` (docs/tables.md#merge).

    It is always commutative and idempotent. It is associative, and equal to the fold of the union, for
    every history but those that both revive a user and hold a partial event newer than that deletion. If
    the two rows of a key were read at different times, `merge(rows, NO_ROWS)` removes from the loyalty row
    what a deletion in the users row forbids. Never raises for rows that `decode_user` and `decode_loyalty`
    accept.
    """
    if a.user is None or b.user is None:
        user = b.user if a.user is None else a.user
    else:
        user = merge_users(a.user, b.user)
    return Rows(user, prune(merge_loyalty(a.loyalty, b.loyalty), user))
