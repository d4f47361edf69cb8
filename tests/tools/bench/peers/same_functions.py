"""The pure functions of Rollcall, for programs that have nothing else of it: a peer that calls them differs
from Rollcall's worker in how it reads and writes, and in nothing else."""

from collections.abc import Callable, Sequence
from typing import Final

from app.canonical import CONTENT_TYPE_HEADER, decode_event
from app.cli.convert import Line
from app.new_event import NewEvent
from app.outcome import Emit
from app.state import NO_ROWS, Rows, apply, decode_loyalty, decode_user, encode_loyalty, encode_user
from app.vendors import VENDORS, Options, convert

HEADERS: Final = [CONTENT_TYPE_HEADER]
"""The headers of a canonical record."""

Mapper = Callable[[int, int, int, bytes], Sequence[NewEvent]]


def vendor_of(topic: str) -> str:
    """Returns the vendor whose bodies a source topic has: the end of its name."""
    return topic.rpartition("-")[2]


def mapper_of(source: str) -> Mapper:
    """Returns the function (partition, offset, timestamp in milliseconds, body) -> canonical events."""
    vendor, options = VENDORS[vendor_of(source)], Options()

    def events_of(partition: int, offset: int, timestamp: int, body: bytes) -> Sequence[NewEvent]:
        outcome = convert(vendor, Line(offset, timestamp, [], body), f"{source}/{partition}", options)
        return outcome.events if isinstance(outcome, Emit) else []

    return events_of


def rows_after(
    event: bytes, user_row: bytes | None, loyalty_row: bytes | None
) -> tuple[bytes | None, bytes | None]:
    """Returns the rows of a user after a canonical event, each as None if it stays as it was."""
    user, loyalty, effect = apply(
        decode_event(event),
        None if user_row is None else decode_user(user_row),
        None if loyalty_row is None else decode_loyalty(loyalty_row),
    )
    if effect != "changed":
        return None, None
    new_user = None if user is None else encode_user(user)
    new_loyalty = None if loyalty is None else encode_loyalty(loyalty)
    return (
        None if new_user == user_row else new_user,
        None if new_loyalty == loyalty_row else new_loyalty,
    )


class RowsInMemory:
    """The rows of all users, decoded, and those that have changed since they were last written."""

    def __init__(self) -> None:
        self._rows: dict[bytes, Rows] = {}
        self._changed: set[tuple[int, bytes]] = set()

    def apply(self, key: bytes, event: bytes) -> None:
        """Takes a canonical event into the rows of its user."""
        before = self._rows.get(key, NO_ROWS)
        user, loyalty, _ = apply(decode_event(event), *before)
        self._rows[key] = Rows(user, loyalty)
        if user is not before.user:
            self._changed.add((0, key))
        if loyalty is not before.loyalty:
            self._changed.add((1, key))

    def take_changed(self) -> list[tuple[int, bytes, bytes | None]]:
        """Returns the number of the table, the key and the encoded row of each that has changed. None is a
        tombstone."""
        taken = [(table, key, self.encoded(table, key)) for table, key in self._changed]
        self._changed.clear()
        return taken

    def encoded(self, table: int, key: bytes) -> bytes | None:
        user, loyalty = self._rows[key]
        if table == 0:
            return None if user is None else encode_user(user)
        return None if loyalty is None else encode_loyalty(loyalty)
