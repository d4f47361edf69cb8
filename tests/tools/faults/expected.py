"""What the topics must hold, computed from the vendor topics alone by running `convert` and `fold` once."""

from collections import Counter
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Final

import msgspec
from msgspec import Struct, field

from app.canonical import Event, encode_event
from app.outcome import Dead, Emit, Outcome, Skip
from app.state import NO_ROWS, encode_loyalty, encode_user, fold, merge
from app.vendors import VENDORS, Options, convert
from tests.kafka import Headers, Record
from tests.tools.faults.foreign import (
    Foreign,
    RecordPosition,
    Stray,
    Table,
    is_too_late,
    judge_rows,
    judged_event,
    position_of,
)
from tests.vendors.records import as_read

Identity = tuple[str, str, str]
"""Source, id and origin. They tell a repeat of Rollcall from a record that the vendor has sent twice."""

CONTENT_TYPE: Final = ("content-type", b"application/cloudevents+json; charset=UTF-8")
_TRACE: Final = ("traceparent", "tracestate")
_TRACE_BYTES: Final = 4096


class WantedEvent(Struct):
    """An event that must be there. `partition` is `topic/partition` of its record; `position` is the record's
    offset and the event's index in the record."""

    key: bytes
    value: bytes
    partition: str
    position: tuple[int, int]
    headers: Headers


class WantedDeadLetter(Struct):
    """A dead letter that must be there."""

    original: Record
    vendor: str
    reason: str
    detail: str
    inflated: bool = False
    """Whether its batch is too large to be unpacked. Nobody knows its value then."""


class Logs(Struct, frozen=True):
    """What is in the topics that Rollcall writes, if a case has written there, too."""

    canonical: list[Record]
    changelogs: dict[Table, list[Record]]
    partitions: int
    foreign: Foreign


class Expected(Struct):
    """Everything that must be there."""

    records: int = 0
    skipped: int = 0
    skips: Counter[str] = field(default_factory=Counter)
    """How many records are skipped, by reason."""
    events: dict[Identity, WantedEvent] = field(default_factory=dict)
    dead_letters: dict[RecordPosition, WantedDeadLetter] = field(default_factory=dict)
    users: dict[bytes, bytes] = field(default_factory=dict)
    loyalty: dict[bytes, bytes] = field(default_factory=dict)
    """The rows of both tables, encoded, by key. A row that does not exist is left out."""
    foreign: AbstractSet[RecordPosition] = frozenset()
    """The records of the canonical topic and of the changelogs that Rollcall did not write."""
    whole_bytes: int = 0
    """As in `Foreign`."""
    strays: dict[Stray, bytes | None] = field(default_factory=dict)
    """The last value of a foreign key in a partition of a changelog that is not the key's own."""


def expect(
    records: Mapping[str, Iterable[Record]], options: Mapping[str, Options], logs: Logs | None = None
) -> Expected:
    """Returns what must become of the records of every vendor, and of the foreign ones in `logs`. Those of a
    partition are in offset order."""
    found = Expected()
    history: list[tuple[Identity, Event]] = []
    inflated = logs.foreign.inflated if logs else ()
    for name, vendor in VENDORS.items():
        for record in records.get(name, ()):
            found.records += 1
            partition = f"{record.topic}/{record.partition}"
            outcome: Outcome = convert(vendor, record, partition, options[name])
            if position_of(record) in inflated:
                outcome = Dead("too_large", "")
            match outcome:
                case Emit(events):
                    for index, event in enumerate(map(as_read, events)):
                        history.append((_want(found, event, record, (record.offset, index)), event))
                case Skip(reason):
                    found.skipped += 1
                    found.skips[reason] += 1
                case Dead(reason, detail):
                    _want_dead_letter(found, record, name, Dead(reason, detail))
    _expect_rows(found, history, logs)
    return found


def _want(found: Expected, event: Event, record: Record, position: tuple[int, int]) -> Identity:
    identity = (str(event.source), event.id, str(event.origin))
    key, value = event.partitionkey.encode(), encode_event(event)
    headers = [CONTENT_TYPE, *_trace(record.headers)]
    partition = f"{record.topic}/{record.partition}"
    found.events[identity] = WantedEvent(key, value, partition, position, headers)
    return identity


def _trace(given: Headers) -> Headers:
    """Returns the headers that an event takes over from its record (docs/events.md#canonical-event)."""
    last = {name.lower(): value for name, value in given}
    return [(name, value) for name in _TRACE if (value := last.get(name)) and _is_usable(value)]


def _is_usable(value: bytes) -> bool:
    try:
        return len(value) <= _TRACE_BYTES and value.decode() is not None
    except UnicodeDecodeError:
        return False


def _expect_rows(found: Expected, history: list[tuple[Identity, Event]], logs: Logs | None) -> None:
    late = _late(found, dict(history), logs) if logs else set()
    events = [event for identity, event in history if identity not in late]
    rows = {}
    if logs:
        found.foreign, found.whole_bytes = logs.foreign.written, logs.foreign.whole_bytes
        events += _foreign_events(found, logs)
        foreign = judge_rows(logs.changelogs, found.foreign, logs.partitions)
        found.strays, rows = foreign.strays, foreign.rows
        for record, dead in foreign.no_rows:
            _want_dead_letter(found, record, "changelog", dead)
    folded = fold(events)
    for key in folded.keys() | rows.keys():
        both = merge(folded.get(key, NO_ROWS), rows[key]) if key in rows else folded[key]
        if both.user is not None:
            found.users[key.encode()] = encode_user(both.user)
        if both.loyalty is not None:
            found.loyalty[key.encode()] = encode_loyalty(both.loyalty)


class _Name(Struct):
    """The parts of a canonical event that identify it."""

    id: str
    source: str
    origin: str


def identity_of(value: bytes | None) -> Identity | None:
    """Returns what identifies a canonical event, None for other bytes."""
    try:
        name = msgspec.json.decode(value or b"", type=_Name)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    return name.source, name.id, name.origin


def _late(found: Expected, history: Mapping[Identity, Event], logs: Logs) -> set[Identity]:
    """Returns the events that change no row: their time is more than two days after the timestamps of their
    records on the canonical topic, because a vendor's record came from the future. Each is a dead letter."""
    late, in_time = set(), set()
    for record in logs.canonical:
        identity = identity_of(record.value)
        if identity is None or identity not in history or position_of(record) in logs.foreign.written:
            continue
        if is_too_late(history[identity], record):
            late.add(identity)
            detail = "$.time: expected at most two days after the record's timestamp"
            _want_dead_letter(found, record, "canonical", Dead("bad_time", detail))
        else:
            in_time.add(identity)
    return late - in_time


def _foreign_events(found: Expected, logs: Logs) -> list[Event]:
    events = []
    for record in logs.canonical:
        if position_of(record) in logs.foreign.written:
            judged = (
                Dead("too_large", "")
                if position_of(record) in logs.foreign.inflated
                else judged_event(record, logs.partitions)
            )
            if isinstance(judged, Dead):
                _want_dead_letter(found, record, "canonical", judged)
            else:
                events.append(judged)
    return events


def _want_dead_letter(found: Expected, record: Record, vendor: str, dead: Dead) -> None:
    # Only the dead letter of a batch that is too large to be unpacked has no detail that is known here.
    found.dead_letters[position_of(record)] = WantedDeadLetter(
        record, vendor, dead.reason, dead.detail, inflated=not dead.detail
    )
