"""State: (event, rows) -> rows. Pure: no Kafka, no Faust, no clock (contract, section 4).

The rows of a key are a function of the set of its events, not of their order: every field is a
last-writer-wins register, entries are a set, and deletion is sticky. `apply` takes one event into the
rows, `merge` joins two states of one key, `fold` does a whole history. To read it: rows.py (what is
kept), reading.py (what counts as a row), registers.py (the one rule), users.py and loyalty.py (the joins),
apply.py (deletion, and the short ways that nearly every event takes).
"""

from app.state.apply import apply, concerns_loyalty
from app.state.effect import EFFECTS, Effect
from app.state.fold import fold
from app.state.loyalty import merge_loyalty, prune
from app.state.merge import merge
from app.state.reading import InvalidRow, LaterRow, decode_loyalty, decode_user
from app.state.rows import (
    NO_ROWS,
    LoyaltyRow,
    Marker,
    Rows,
    User,
    UserRow,
    encode_loyalty,
    encode_user,
)
from app.state.supersede import loyalty_supersedes, read_loyalty, read_user, user_supersedes
from app.state.users import expired, merge_users

__all__ = [
    "EFFECTS",
    "NO_ROWS",
    "Effect",
    "InvalidRow",
    "LaterRow",
    "LoyaltyRow",
    "Marker",
    "Rows",
    "User",
    "UserRow",
    "apply",
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
    "prune",
    "read_loyalty",
    "read_user",
    "user_supersedes",
]
