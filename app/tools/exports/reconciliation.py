"""A vendor's export against the users table: who is missing on which side, and which fields differ.

It holds in memory the export, one encoded event a user, and the row of each of its users; of the tenant's
other users the key and one time.
"""

from collections import Counter
from typing import Final, Literal, NamedTuple, get_args

from app.canonical import Envelope, Event, decode_event, encode_event
from app.keys import escape, key_of
from app.state import InvalidRow, LaterRow, User, UserRow, decode_user
from app.tools.exports.user_comparison import compare, newest_of

Finding = Literal["missing", "deleted_here", "deleted_there", "gone", "differing", "incomplete", "undecided"]
"""What is found of one user (docs/tools/reconcile.md#findings)."""
FINDINGS: Final[tuple[Finding, ...]] = get_args(Finding)
SNAPSHOTS: Final[tuple[Finding, ...]] = ("missing", "deleted_here", "differing", "incomplete")
"""Findings that the export's snapshot puts right."""
DELETIONS: Final[tuple[Finding, ...]] = ("deleted_there", "gone")
"""Findings that a deletion puts right."""


class Found(NamedTuple):
    """All findings."""

    keys: dict[Finding, list[bytes]]
    fields: Counter[str]
    """By name, how many users have another value than the export in this field, and an older one."""
    newer: int
    """How many users have fields that are newer than the export; such fields are no finding."""
    seen_since: int
    """How many users the export lacks, of whom something is known that is newer than it."""


class Reconciliation:
    """Takes the export first, then all records of the changelog in the order of each partition."""

    def __init__(self, vendor: str, tenant: str) -> None:
        self._prefix = f"{vendor}/{escape(tenant)}/".encode()
        self._events: dict[bytes, bytes] = {}
        self._rows: dict[bytes, bytes] = {}
        self._others: dict[bytes, int] = {}
        self.no_rows = 0
        """The number of records of the tenant that are no rows; they count as not written."""
        self._later: set[bytes] = set()

    @property
    def later(self) -> int:
        """The number of users whose row a later version has written; they are not compared."""
        return len(self._later)

    @property
    def users(self) -> int:
        """The number of users in the export."""
        return len(self._events)

    @property
    def rows(self) -> int:
        """The number of users in the table, without deleted ones."""
        return len(self._others) + sum(isinstance(decode_user(row), UserRow) for row in self._rows.values())

    def add_event(self, event: Envelope) -> None:
        """Takes an event of the export. Of two of one user the later one counts."""
        key, value = event.partitionkey.encode(), encode_event(event)
        held = self._events.get(key)
        if held is None or decode_event(held).time <= event.time:
            self._events[key] = value

    def add_row(self, key: bytes | None, value: bytes | None) -> None:
        """Takes a record of the users changelog that is in the partition of its key. The last one that is a
        row, or a tombstone, counts."""
        if key is None or not key.startswith(self._prefix):
            return
        row: User | None = None
        if value is not None:
            try:
                row = decode_user(value)
            except LaterRow:
                self._later.add(key)
                return
            except InvalidRow:
                self.no_rows += 1
                return
            if key_of(row.vendor, row.tenant, row.sub) != key:
                self.no_rows += 1
                return
        self._later.discard(key)
        self._rows.pop(key, None)
        self._others.pop(key, None)
        if row is not None and value is not None and key in self._events:
            self._rows[key] = value
        elif isinstance(row, UserRow) and row.status != "deleted":
            self._others[key] = newest_of(row)

    def found(self, as_of: int | None) -> Found:
        """Returns what differs. `as_of`: when the export began, in microseconds since 1970; None if that is
        not known, and then each user whom it lacks is `gone`."""
        keys: dict[Finding, list[bytes]] = {finding: [] for finding in FINDINGS}
        fields, newer = Counter[str](), 0
        for key, value in self._events.items():
            if key not in self._later:
                row = self._rows.get(key)
                compared = compare(decode_event(value), None if row is None else decode_user(row))
                newer += bool(compared.newer)
                fields.update(compared.fields)
                if compared.finding is not None:
                    keys[compared.finding].append(key)
        others = [(key, newest) for key, newest in self._others.items() if key not in self._later]
        keys["gone"] += [key for key, newest in others if as_of is None or newest <= as_of]
        for each in keys.values():
            each.sort()
        return Found(keys, fields, newer, len(others) - len(keys["gone"]))

    def event_of(self, key: bytes) -> Event:
        """Returns the event that the export has of a user."""
        return decode_event(self._events[key])
