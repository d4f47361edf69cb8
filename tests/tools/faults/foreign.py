"""What another program has written into the topics that Rollcall writes, and what must become of it.

It shares no code with the engine: the rules are those of docs/tables.md, and the places of keys are those of
aiokafka's partitioner.
"""

from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Literal

from aiokafka.partitioner import murmur2
from msgspec import Struct, field

from app.canonical import BadEventTime, Event, InvalidEvent, decode_event
from app.keys import key_of
from app.outcome import Dead
from app.state import NO_ROWS, InvalidRow, LaterRow, LoyaltyRow, Rows, merge, read_loyalty, read_user
from app.times import MICROS_PER_DAY, parse_rfc3339
from tests.kafka import Headers, Record

RecordPosition = tuple[str, int, int]
"""Topic, partition, offset."""
Table = Literal["users", "loyalty"]
Stray = tuple[str, bytes, int]
"""Topic, key, partition."""

_AHEAD_MICROS = 2 * MICROS_PER_DAY


class Foreign(Struct):
    """The records that a case has written by itself, by their positions."""

    written: set[RecordPosition] = field(default_factory=set)
    """Those of the canonical topic and of the changelogs."""
    vendor_records: int = 0
    """How many records were written to the vendors' topics."""
    headers: dict[RecordPosition, Headers] = field(default_factory=dict)
    """The headers of records that librdkafka's client for Python cannot return, because a name is not
    UTF-8."""
    inflated: set[RecordPosition] = field(default_factory=set)
    """Those that no worker reads, because their batch is larger than 64 MiB when it is unpacked, or because
    they have too many headers: all of them are too large."""
    whole_bytes: int = 1 << 20
    """A record of at most this size fits into the dead-letter topic, so it is never truncated."""


def position_of(record: Record) -> RecordPosition:
    return record.topic, record.partition, record.offset


def home(key: bytes, partitions: int) -> int:
    """Returns the partition of a key by Kafka's default partitioner."""
    return int((murmur2(key) & 0x7FFFFFFF) % partitions)


def judged_event(record: Record, partitions: int) -> Event | Dead:
    """Returns the event that a record of the canonical topic is, or why it is dead."""
    try:
        event = decode_event(record.value or b"")
    except BadEventTime as error:
        return Dead("bad_time", str(error))
    except InvalidEvent as error:
        return Dead("schema", str(error))
    key = key_of(event.vendor, event.tenant, event.data.user["sub"])
    if event.partitionkey.encode() != key:
        return Dead("schema", "$.partitionkey: expected vendor, tenant and sub of the event")
    if record.key != key:
        return Dead("schema", "$.partitionkey: expected the record's key")
    if home(key, partitions) != record.partition:
        return Dead("schema", "the partition: expected the one of the key")
    if is_too_late(event, record):
        return Dead("bad_time", "$.time: expected at most two days after the record's timestamp")
    return event


def is_too_late(event: Event, record: Record) -> bool:
    """Returns whether the event's time is more than two days after the record's timestamp."""
    micros = parse_rfc3339(event.time)
    return record.timestamp >= 0 and (micros is None or micros > record.timestamp * 1000 + _AHEAD_MICROS)


def judged_row(table: Table, record: Record) -> Rows | Dead:
    """Returns the row that a record of a changelog is, or why it is none. No case writes rows of a later
    version under their own key."""
    key, value = record.key or b"", record.value or b""
    try:
        row = read_user(value) if table == "users" else read_loyalty(value)
    except LaterRow as later:
        if key_of(*later.owner) == key:  # it pauses its partition
            raise
        return _OTHER_KEY
    except InvalidRow as error:
        return Dead(error.reason, str(error))
    if key_of(row.vendor, row.tenant, row.sub) != key:
        return _OTHER_KEY
    return Rows(None, row) if isinstance(row, LoyaltyRow) else Rows(row, None)


_OTHER_KEY = Dead("schema", "$: expected the row of the record's key")


class ForeignRows(Struct):
    """What is foreign on both changelogs."""

    rows: dict[str, Rows] = field(default_factory=dict)
    """The rows that count, merged, by key."""
    no_rows: list[tuple[Record, Dead]] = field(default_factory=list)
    strays: dict[Stray, bytes | None] = field(default_factory=dict)
    """The last value that must be there under a key in a partition that is not its own."""


def judge_rows(
    logs: Mapping[Table, Iterable[Record]], written: AbstractSet[RecordPosition], partitions: int
) -> ForeignRows:
    """Returns what is foreign on the changelogs. `logs`: all their records; `written`: the positions of those
    that are foreign."""
    found = ForeignRows()
    for table, records in logs.items():
        for record in records:
            if position_of(record) in written and record.key is not None:
                _judge(found, table, record, home(record.key, partitions) != record.partition)
    return found


def _judge(found: ForeignRows, table: Table, record: Record, stray: bool) -> None:
    # A foreign tombstone says nothing: where the key has a row, the worker writes it again.
    value, key = record.value, record.key or b""
    rows = NO_ROWS if value is None else judged_row(table, record)
    if isinstance(rows, Dead):
        found.no_rows.append((record, rows))
        value = None
    elif not stray:
        found.rows[key.decode()] = merge(found.rows.get(key.decode(), NO_ROWS), rows)
    if stray:
        found.strays[record.topic, key, record.partition] = value
