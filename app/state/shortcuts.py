"""The seam between `rules/`, which answer everything, and `fast/`, which gives the same answers sooner."""

from collections.abc import Callable
from typing import Final, NamedTuple

from app.canonical import Event
from app.state.rules.apply import Applied, apply
from app.state.rules.changed_names import changed_user
from app.state.rules.decoding import decode_loyalty, decode_user
from app.state.rules.rows import LoyaltyRow, User


class Shortcuts(NamedTuple):
    """What `fast/` may do in place of `rules/`."""

    apply: Callable[[Event, User | None, LoyaltyRow | None], Applied]
    """The `apply` of `rules/`, which says what it returns."""
    changed_user: Callable[[User | None, User | None, bytes | None, bytes | None], bytes]
    """changed_user(before, after, row_before, row_after): the `changed_user` of `rules/`, for a caller that
    has the bytes of both rows, too. The later row was encoded by `encode_user`."""
    stored_user: Callable[[bytes], User]
    """`decode_user` for a value of a live table: it has passed `decode_user`, or `encode_user` has made
    it."""
    stored_loyalty: Callable[[bytes], LoyaltyRow]
    """The same for `decode_loyalty` and `encode_loyalty`."""
    read_user: Callable[[bytes], User]
    """`decode_user`, for a caller that may ask `user_supersedes` about the same bytes next."""
    read_loyalty: Callable[[bytes], LoyaltyRow]
    """`decode_loyalty`, for a caller that may ask `loyalty_supersedes` about the same bytes next."""
    user_supersedes: Callable[[bytes, bytes], bool]
    """user_supersedes(older, newer): whether it is plain that `merge_users` of these two rows is `newer`,
    byte for byte. If not, the caller merges. Both values have passed `decode_user`."""
    loyalty_supersedes: Callable[[bytes, bytes], bool]
    """The same for `merge_loyalty` and values that have passed `decode_loyalty`."""


def _never(_older: bytes, _newer: bytes) -> bool:
    return False


def _changed_user(
    before: User | None, after: User | None, _row_before: bytes | None, _row_after: bytes | None
) -> bytes:
    return changed_user(before, after)


NO_SHORTCUTS: Final = Shortcuts(
    apply, _changed_user, decode_user, decode_loyalty, decode_user, decode_loyalty, _never, _never
)
