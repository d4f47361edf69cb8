"""Counts the users whose rows know more than the canonical topics still have. It has no I/O."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

from msgspec import UNSET

from app.canonical import Event
from app.engine import ChangelogRows
from app.state import DeletedUser, LoyaltyRow, User, decode_loyalty, decode_user
from app.times import parse_rfc3339
from app.tools.rebuilds.rebuilt_rows import time_of, vendor_in


class OlderUsers:
    """Of the vendors whose old rows are left out. Needs one partition after the other: first its events, then
    its rows."""

    def __init__(self, vendors: AbstractSet[str]) -> None:
        self.count = 0
        self._vendors = vendors
        self._first: dict[bytes, int] = {}

    def note(self, key: bytes, event: Event) -> None:
        """Notes an event that the new rows are made of."""
        if event.vendor in self._vendors:
            at = time_of(event)
            self._first[key] = min(at, self._first.get(key, at))

    def compare(self, rows: ChangelogRows) -> None:
        """Counts the keys with a row that has something from before the first event, and forgets the
        events."""
        for key in rows.users.keys() | rows.loyalty.keys():
            if vendor_in(key) in self._vendors:
                first, (user, loyalty) = self._first.get(key), rows.pair(key)
                times = [
                    *([] if user is None else times_in_user(decode_user(user))),
                    *([] if loyalty is None else times_in_loyalty(decode_loyalty(loyalty))),
                ]
                self.count += first is None or any(at < first for at in times)
        self._first = {}


def times_in_user(user: User) -> Iterator[int]:
    """Yields all times of a users row, in microseconds since 1970."""
    texts = [user.deleted_at]
    if not isinstance(user, DeletedUser):
        texts += [user.created_at, user.updated_at, user.last_login_at, user.last_logout_at]
        if user.presence is not UNSET:
            texts.append(user.presence.at)
        yield from user.stamps.values()
        if user.as_of is not UNSET:
            yield user.as_of
    for text in texts:
        if text is not UNSET and (at := parse_rfc3339(text)) is not None:
            yield at


def times_in_loyalty(row: LoyaltyRow) -> Iterator[int]:
    """Yields all times of a loyalty row, in microseconds since 1970."""
    yield from (each.as_of for each in (row.reputation, row.points) if each is not UNSET)
    yield from (at for entry in row.entries if (at := parse_rfc3339(entry.at)) is not None)
