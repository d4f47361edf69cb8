"""What there must be, counted again from the vendor topics alone: `convert` and `fold`, run once."""

from collections.abc import Iterable, Mapping

from msgspec import Struct

from app.canonical import Event, encode_event
from app.outcome import Dead, Emit, Skip
from app.state import encode_loyalty, encode_user, fold
from app.vendors import VENDORS, Options, convert
from tests.kafka import Record

Identity = tuple[str, str, str]
"""Source, id and origin: what tells a repeat of ours from a delivery that the vendor repeated."""

Place = tuple[str, int, int]
"""Topic, partition, offset."""


class WantedEvent(Struct):
    """`place`: `topic/partition` of its record; `position`: its offset and its index in the record."""

    key: bytes
    value: bytes
    place: str
    position: tuple[int, int]


class WantedLetter(Struct):
    original: Record
    vendor: str
    reason: str
    detail: str


class Expected(Struct):
    records: int
    skipped: int
    events: dict[Identity, WantedEvent]
    letters: dict[Place, WantedLetter]
    users: dict[bytes, bytes]
    loyalty: dict[bytes, bytes]
    """Both tables by key, encoded; a row that does not exist is left out."""


def expect(records: Mapping[str, Iterable[Record]], options: Mapping[str, Options]) -> Expected:
    """Of the records of every vendor, each partition's in offset order."""
    found = Expected(0, 0, {}, {}, {}, {})
    history: list[Event] = []
    for name, vendor in VENDORS.items():
        for record in records.get(name, ()):
            found.records += 1
            place = f"{record.topic}/{record.partition}"
            match convert(vendor, record, place, options[name]):
                case Emit(events):
                    history += events
                    for index, event in enumerate(events):
                        _want(found, event, place, (record.offset, index))
                case Skip():
                    found.skipped += 1
                case Dead(reason, detail):
                    where = (record.topic, record.partition, record.offset)
                    found.letters[where] = WantedLetter(record, name, reason, detail)
    for key, rows in fold(history).items():
        if rows.user is not None:
            found.users[key.encode()] = encode_user(rows.user)
        if rows.loyalty is not None:
            found.loyalty[key.encode()] = encode_loyalty(rows.loyalty)
    return found


def _want(found: Expected, event: Event, place: str, position: tuple[int, int]) -> None:
    identity = (str(event.source), event.id, str(event.origin))
    key, value = event.partitionkey.encode(), encode_event(event)
    found.events[identity] = WantedEvent(key, value, place, position)
