"""The join of two states of one key: rows written late, twice or from an old memory are healed by it."""

from app.state.loyalty import merge_loyalty, prune
from app.state.rows import Rows
from app.state.users import merge_users


def merge(a: Rows, b: Rows) -> Rows:
    """Both rows of `a` joined with both of `b` (contract, section 4, "Rows merge").

    Commutative and idempotent always; associative, and the fold of the union, but for histories that
    both revive a user and hold a partial event newer than that deletion. `merge(rows, NO_ROWS)` brings
    a pair that was read out of step into its proper form. Never raises for rows that `decode_user` and
    `decode_loyalty` accept.
    """
    if a.user is None or b.user is None:
        user = b.user if a.user is None else a.user
    else:
        user = merge_users(a.user, b.user)
    return Rows(user, prune(merge_loyalty(a.loyalty, b.loyalty), user))
